"""What holds for every command: one form of error, exit codes that nothing changes, no colour where none is wanted."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command_line import Repro
from tests.support.installations import install_stand_in
from tests.support.paths import RECORDED_RUN, ROOT

FAULTS = ("InputError", "UnusableError", "EndedEarlyError", "document.fail")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["show"], "repro: Missing argument 'RUN': see repro show --help"),
        (["run", "--threads", "0"], "is not in the range 1<=x<=1024: see repro run --help"),
        (
            ["environment"],
            "repro environment needs a command: choose from check, diff, install, list, new, remove, show",
        ),
        (["nothing"], "repro: no command is called 'nothing': choose from list, check"),
    ],
)
def test_usage_errors_say_what_to_do(repro: Repro, arguments: list[str], line: str) -> None:
    repro(*arguments).refused(2, line)


@pytest.mark.parametrize(
    ("code", "arguments", "line"),
    [
        (2, ["compare"], "no run is named: name two or more"),
        (
            2,
            ["environment", "diff", "a", "keras-3"],
            "no environment is called 'a', and no run is called 'a': choose",
        ),
        (3, ["--store", "/etc/passwd", "runs"], "the store cannot be read (Not a directory): name another folder"),
        (3, ["--store", "/proc/x", "run", "original-bug"], "(No such file or directory): name another folder"),
    ],
)
def test_errors_fit_what_was_asked(
    repro: Repro, code: int, arguments: list[str], line: str, own_environments: Path
) -> None:
    install_stand_in(own_environments)
    repro(*arguments).refused(code, line)


def test_every_fault_says_what_to_do() -> None:
    """No error of ours, anywhere in the engine, is made without its second half."""
    silent = [
        f"{file.relative_to(ROOT)}:{node.lineno}"
        for file in sorted((ROOT / "repro").rglob("*.py"))
        if "worker" not in file.parts
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _name(node) in FAULTS and not any(one.arg == "do" for one in node.keywords)
    ]
    assert silent == []


def _name(call: ast.Call) -> str:
    of_document = isinstance(call.func, ast.Attribute) and ast.unparse(call.func).endswith("document.fail")
    return "document.fail" if of_document else ast.unparse(call.func)


def test_the_schema_is_json_either_way(repro: Repro) -> None:
    assert repro("schema", "--json").json == repro("schema").json


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs", "--store", ""],
        ["--store", "", "runs"],
        ["check", "original-bug", "--images", ""],
        ["export", "last", "-o", ""],
        ["verify", ""],
    ],
)
def test_an_empty_path_is_not_the_current_folder(repro: Repro, arguments: list[str]) -> None:
    repro(*arguments).refused(2, "the path is empty: see repro")


def test_a_path_that_cannot_be_read_is_for_its_reader_to_tell(
    repro: Repro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)  # as where one is not root
    assert repro("--store", tmp_path, "runs").code == 0


def test_show_names_the_network(repro: Repro, store: Path) -> None:
    shutil.copytree(RECORDED_RUN, store / "20260101T000000.000000Z-original-bug-keras-3-s0-abcd")
    lines = repro("show", "last").out.splitlines()
    assert lines[-1].startswith(
        "  network         layers 177, parameters 23587587, batch norm layers 53, momentum 0.99"
    )


def test_ids_of_all_lengths_line_up(repro: Repro, store: Path) -> None:
    for name in ("original-bug-keras-3-s0-abcd", "a-b-s0-efgh"):
        run = store / f"20260101T000000.000000Z-{name}"
        shutil.copytree(RECORDED_RUN, run)
        record = json.loads((run / "run.json").read_bytes())
        (run / "run.json").write_text(json.dumps({**record, "id": run.name}))
    assert len({line.index("REPRODUCED") for line in repro("runs").out.splitlines()}) == 1


def shell(line: str, folder: Path) -> int:
    """Exit code of a shell's line in which `repro` is the command line."""
    words = f'repro() {{ "{sys.executable}" -m repro "$@"; }}; {line}'
    return subprocess.run(
        ["bash", "-c", words], cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, timeout=60
    ).returncode


@pytest.mark.parametrize("full", ["2>&-", "2>/dev/full"])
def test_a_standard_error_that_takes_nothing_changes_no_exit_code(tmp_path: Path, full: str) -> None:
    assert shell(f"repro show nothing {full}", tmp_path) == 2


def test_a_reader_who_has_gone_changes_no_exit_code(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("format: 1\n")
    # `true` never reads; the exit code of the first command is that of the line
    assert shell("set -o pipefail; repro check bad.yaml original-bug --json | true", tmp_path) == 2
    assert shell("set -o pipefail; repro list | true", tmp_path) == 0


def test_data_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    assert shell("repro list >/dev/full 2>said", tmp_path) == 3
    assert (tmp_path / "said").read_text().startswith("repro: standard output: No space left on device: ")


def test_closed_streams_get_no_files_of_ours(tmp_path: Path) -> None:
    probe = "import repro.__main__ as m, os; m._fill_standard_streams(); os._exit(os.open(os.devnull, os.O_RDONLY))"
    assert shell(f'"{sys.executable}" -c "{probe}" 0<&- 1>&- 2>&-', tmp_path) > 2


@pytest.mark.parametrize("variable", ["", "1"])
def test_no_color(repro: Repro, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv("NO_COLOR", variable)  # an empty value asks for nothing
    monkeypatch.setattr("click.utils.should_strip_ansi", lambda _stream, color: color is False)  # a terminal
    assert ("\x1b[" in repro("list").out) == (variable == "")
