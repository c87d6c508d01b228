"""The one kind of error that a user is meant to see, and the exit codes."""

from __future__ import annotations

import enum
from pathlib import Path

from repro.base.text import one_line


class ExitCode(enum.IntEnum):
    """The exit code of a command."""

    DONE = 0
    NOT_REPRODUCED = 1
    BAD_INPUT = 2
    UNUSABLE = 3
    ENDED_EARLY = 4


class ReproError(Exception):
    """A user-facing error: what is wrong, where, and how to fix it, on one line."""

    exit_code: ExitCode = ExitCode.BAD_INPUT

    def __init__(self, what: str, *, do: str = "", file: Path | str | None = None, line: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.do = do
        self.file = file
        self.line = line

    def __str__(self) -> str:
        where = ""
        if self.file is not None:
            file = one_line(self.file, 300)
            where = f"{file}:{self.line}: " if self.line is not None else f"{file}: "
        return where + self.what + (f": {self.do}" if self.do else "")


class InputError(ReproError):
    """Options, names, a scenario, images or a bundle are wrong (exit 2)."""


class UnusableError(ReproError):
    """An environment, a device or the store cannot be used (exit 3)."""

    exit_code = ExitCode.UNUSABLE


class EndedEarlyError(ReproError):
    """A run failed, was stopped or was interrupted (exit 4)."""

    exit_code = ExitCode.ENDED_EARLY
