"""The command line as tests run it: in this process, or in one of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from repro.cli import run_command_line


class Answer(NamedTuple):
    """What one command line gave: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def refused(self, code: int, *words: str) -> None:
        """One line on standard error, none on standard output, this exit code."""
        assert self.code == code, (self.code, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("repro: ")
        assert lines[0].isprintable()
        assert "Traceback" not in self.err and "defect" not in self.err
        for word in words:
            assert word in lines[0], lines[0]
        assert self.out == ""


Repro = Callable[..., Answer]


def run_here(capfd: pytest.CaptureFixture[str], *arguments: str | Path) -> Answer:
    """Run `repro ARGUMENTS` in this process."""
    capfd.readouterr()
    code = run_command_line([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return Answer(int(code), out, err)


def start_process(
    *arguments: str | Path | bytes,
    store: Path | None = None,
    variables: Mapping[str, str] | None = None,
    **options: Any,
) -> subprocess.Popen[str]:
    """Start `repro ARGUMENTS` in a process of its own, with these variables beside or instead of this one's."""
    place: tuple[str | Path, ...] = () if store is None else ("--store", store)
    return subprocess.Popen(
        [sys.executable, "-m", "repro", *place, *arguments],
        env={**os.environ, **(variables or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def ended(process: subprocess.Popen[str], timeout: float | None = None) -> Answer:
    """Wait for a process that `start_process` started."""
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Answer(process.returncode, out, err)


def run_process(
    *arguments: str | Path | bytes, store: Path | None = None, timeout: float | None = None, **variables: str
) -> Answer:
    """Run `repro ARGUMENTS` in a process of its own."""
    return ended(start_process(*arguments, store=store, variables=variables), timeout)


def nothing_in(store: Path) -> bool:
    """Whether a command that was refused left nothing in the store."""
    return not store.exists() or not [entry for entry in store.iterdir() if entry.name != ".trash"]
