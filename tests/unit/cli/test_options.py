"""Every fault in an option, a name or an argument: one line, exit code 2, nothing left in the store."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support.command_line import Repro, nothing_in

OPTIONS = {
    "unknown command": (["frobnicate"], "no command is called 'frobnicate': choose from list, check"),
    "unknown option": (["run", "original-bug", "--frobnicate"], "--frobnicate"),
    "unknown option before": (["--frobnicate", "runs"], "--frobnicate"),
    "no scenario": (["run"], "no scenario is named"),
    "unknown scenario": (["run", "nothing"], "no scenario is called 'nothing': choose from"),
    "empty scenario": (["run", ""], "no scenario is called ''"),
    "unknown environment": (["run", "original-bug", "--environment", "keras-9"], "no environment is called 'keras-9'"),
    "unknown environment to show": (["environment", "show", "keras-9"], "no environment is called 'keras-9'"),
    "unknown environment to install": (["environment", "install", "../x"], "no environment is called '../x'"),
    "empty environment": (["run", "original-bug", "--environment", ""], "--environment: nothing is named"),
    "seed": (["run", "original-bug", "--seed", "one"], "--seed: 'one' is not a whole number"),
    "seed upside down": (
        ["run", "original-bug", "--seed", "5:1"],
        "'5:1' is out of range: give 0 to 2147483647, or A:B with A",
    ),
    "too many seeds": (["sweep", "original-bug", "--seeds", "0:10001"], "--seeds: '0:10001' is out of range"),
    "negative seed": (["run", "original-bug", "--seed", "-1"], "--seed: '-1' is out of range"),
    "empty seed": (["run", "original-bug", "--seed", ""], "--seed: nothing is named"),
    "no seeds": (["run", "original-bug", "--seed", "3:3"], "out of range"),
    "many seeds": (["run", "original-bug", "--seed", "0:99999"], "out of range"),
    "huge seed": (["run", "original-bug", "--seed", "9" * 5000], "--seed"),
    "threads": (["run", "original-bug", "--threads", "0"], "--threads"),
    "device": (["run", "original-bug", "--device", "tpu"], "tpu"),
    "convert": (["run", "original-bug", "--convert", "RGB"], "RGB"),
    "no run": (["show", "nothing"], "no run is called 'nothing'"),
    "empty run": (["show", ""], "no run is called ''"),
    "last of none": (["show", "last"], "has no runs"),
    "a path as run": (["show", "../../etc"], "no run is called"),
    "stop nothing": (["stop", "last"], "has no runs"),
    "resume nothing": (["resume", "last"], "has no runs"),
    "delete nothing": (["delete", "x"], "no run is called"),
    "watch nothing": (["watch", "x"], "no run is called"),
    "missing argument": (["show"], "RUN"),
    "extra argument": (["show", "a", "b"], "b"),
    "nothing to check": (["check"], "FILE"),
    "control characters": (["show", "\x1b[31mred\x07"], "no run is called"),
    "control characters in a command": (["\x1b[31mred\x07\n\n"], "no command is called"),
    "control characters in an option": (["run", "--\x1b[31m"], "ption"),
    "control characters in a file": (["run", "./\x1b[31mred.yaml"], "there is no such file"),
    "control characters in a checked file": (["check", "./\x1b[31mred.yaml"], "there is no such file"),
    "line feeds in a file": (["check", "./a\nrepro: b.yaml"], "there is no such file"),
    "10,000 characters as command": (["x" * 10_000], "choose from"),
    "10,000 characters as option": (["run", "--" + "x" * 10_000], "ption"),
    "10,000 characters as scenario": (["run", "x" * 10_000], "choose from"),
    "10,000 characters as file": (["run", "x" * 10_000 + ".yaml"], "cannot be read"),
    "10,000 characters as run": (["show", "x" * 10_000], "`repro runs` lists them"),
    "10,000 characters as environment": (["run", "original-bug", "--environment", "x" * 10_000], "choose from"),
    "10,000 characters as seed": (["run", "original-bug", "--seed", "x" * 10_000], "give 0"),
}


@pytest.mark.parametrize("fault", OPTIONS)
def test_options_and_names(repro: Repro, store: Path, fault: str) -> None:
    arguments, words = OPTIONS[fault]
    repro(*arguments).refused(2, words)
    assert nothing_in(store)


@pytest.mark.parametrize("value", ["soon", "nan", "-1", "inf", "1e9"])
def test_seconds_between_checkpoints(repro: Repro, store: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("REPRO_CHECKPOINT_SECONDS", value)
    repro("run", "original-bug").refused(2, "REPRO_CHECKPOINT_SECONDS", "is no number of seconds")
    assert nothing_in(store)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["frobnicate"], "no command is called"),
        (["run", "nothing"], "no scenario is called"),
        (["show", "\x1b[31m"], "no run is called"),
        ([b"check", b"/nowhere/\xff.yaml"], "there is no such file"),
        ([b"show", b"\xff\xfe"], "no run is called"),
        ([b"run", b"\xff"], "no scenario is called"),
    ],
)
def test_in_a_process(repro_process: Repro, store: Path, arguments: list[str], words: str) -> None:
    repro_process(*arguments).refused(2, words)
    assert nothing_in(store)


def test_names_that_are_not_utf8_in_json(repro_process: Repro) -> None:
    answer = repro_process(b"check", b"--json", b"/nowhere/\xff.yaml")
    assert answer.code == 2
    assert json.loads(answer.out)["files"][0]["valid"] is False


def test_a_reader_that_goes_away(repro_process: Repro) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{os.sys.executable} -m repro schema | true; echo ${{PIPESTATUS[0]}}"],  # type: ignore[attr-defined]
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("0\n", "")


def test_where_utf8_is_not_spoken(repro_process: Repro, folder: Path) -> None:
    answer = repro_process("list", PYTHONIOENCODING="ascii")
    assert (answer.code, answer.err) == (0, "")
    assert repro_process("list", "--json", PYTHONIOENCODING="ascii").json["format"] == 1
