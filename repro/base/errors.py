"""The one kind of error that a user is meant to see, and the exit codes."""

from __future__ import annotations

import enum
import os
from pathlib import Path


class ExitCode(enum.IntEnum):
    """What the process says when it ends."""

    DONE = 0
    NOT_REPRODUCED = 1
    BAD_INPUT = 2
    UNUSABLE = 3
    ENDED_EARLY = 4


class ReproError(Exception):
    """A fault that the user can mend, told in one line: what is wrong, where, what to do."""

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
            file = printable(str(self.file), 300)
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


def encodable(text: str) -> str:
    """`text` as UTF-8 can hold it: the UTF-8 of a file name in whatever locale; bytes that are none become escapes."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def printable(text: str, limit: int = 200) -> str:
    """`text` on one line, without control characters (a terminal would obey them), at most `limit` characters."""
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return safe if len(safe) <= limit else safe[: limit - 1] + "\N{HORIZONTAL ELLIPSIS}"
