"""Files that are no scenario, or cannot be read: one line, exit code 2, nothing left in the store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.command_line import Repro, nothing_in
from tests.support.scenario_files import SCENARIO, Edit


def test_the_scenario_itself_is_right(repro: Repro, scenario: Edit) -> None:
    answer = repro("check", scenario())
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.endswith("valid\n")


WHOLE_FILES = {
    "alias bomb": (b"a: &a [x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\n", ":1: ", "anchors and aliases"),
    "deep nesting": (b"format: " + b"[" * 5000 + b"]" * 5000, ":1: ", "nest"),
    "deep blocks": (b"".join(b" " * i + b"a:\n" for i in range(300)), ":", "nested deeper than 20"),
    "many values": (b"a: [" + b"1," * 30_000 + b"1]", ":1: ", "more than 20000 values"),
    "50 MB": (b"a: " + b"x" * 50_000_000, ": ", "larger than 256 KiB"),
    "invalid UTF-8": (b"format: 1\nname: \xff\xfe", ":2: ", "not UTF-8"),
    "UTF-16": ("format: 1".encode("utf-16"), ":1: ", "not UTF-8"),
    "NUL": (b"format: 1\nname: a\0b", ":", "not YAML"),
    "empty": (b"", ":1: ", "is empty: give a mapping"),
    "comments only": (b"# nothing\n", ":1: ", "is empty: give a mapping"),
    "a list": (b"- 1\n- 2", ":1: ", "expected object, got array"),
    "a word": (b"hello", ":1: ", "expected object, got str"),
    "binary": (bytes(range(256)), ":2: ", "not UTF-8"),
}


@pytest.mark.parametrize("fault", WHOLE_FILES)
def test_files_that_are_no_scenario(repro: Repro, tmp_path: Path, store: Path, fault: str) -> None:
    data, where, words = WHOLE_FILES[fault]
    file = tmp_path / "bad.yaml"
    file.write_bytes(data)
    repro("run", file).refused(2, f"repro: {file}{where}", words)
    repro("check", file).refused(2, words)
    assert nothing_in(store)


def test_numbers_are_decimal(repro: Repro, scenario: Edit) -> None:
    """YAML 1.1 would read 010 as 8, and 1:30 as 90."""
    file = scenario("{epochs: 3}", "{epochs: 010}\nmeasure_at: [9]")
    assert repro("check", file).code == 0
    repro("check", scenario("{epochs: 3}", "{epochs: 1:30}")).refused(2, "expected int, got str")


def test_byte_order_mark_and_line_ends_of_windows(repro: Repro, folder: Path) -> None:
    (folder / "s.yaml").write_bytes(b"\xef\xbb\xbf" + SCENARIO.replace("\n", "\r\n").encode())
    assert repro("check", folder / "s.yaml").code == 0


def test_files_that_cannot_be_read(repro: Repro, tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "loop.yaml").symlink_to(tmp_path / "loop.yaml")
    repro("check", tmp_path / "missing.yaml").refused(2, "missing.yaml: there is no such file")
    repro("check", tmp_path / "folder.yaml").refused(2, "is a folder")
    repro("check", tmp_path / "pipe.yaml").refused(2, "is not a regular file")
    repro("check", tmp_path / "loop.yaml").refused(2, "loop.yaml: ")
    repro("check", "/dev/zero").refused(2, "is not a regular file")


def test_every_file_is_checked(repro: Repro, scenario: Edit, tmp_path: Path) -> None:
    answer = repro("check", tmp_path / "one.yaml", scenario(), tmp_path / "two.yaml", "--json")
    assert answer.code == 2
    assert [line.startswith("repro: ") for line in answer.err.splitlines()] == [True, True]
    assert [row["valid"] for row in answer.json["files"]] == [False, True, False]


def test_own_model_files(repro: Repro, scenario: Edit, store: Path, tmp_path: Path) -> None:
    file = scenario("application: ResNet50", "python: m.py")
    repro("run", file).refused(2, "would run Python code of its own (m.py): give --trust")
    repro("run", file, "--trust").refused(2, "m.py: there is no such file")
    model = file.parent / "m.py"
    model.write_text("x = 1\n" * 200_000)
    repro("run", file, "--trust").refused(2, "m.py: larger than 1 MiB")
    model.unlink()
    (tmp_path / "elsewhere.py").write_text("")
    model.symlink_to(tmp_path / "elsewhere.py")
    repro("check", file).refused(2, "m.py: leads out of the scenario's folder")
    assert nothing_in(store)
