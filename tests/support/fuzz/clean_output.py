"""Runs a command strictly, and checks that a user may get its answer."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
from collections.abc import Iterator
from typing import Any

import repro.cli

HANG_SECONDS = 20.0  # of this process's own time, which a busy machine does not change
# Colours that the command line itself writes; all else that is not printable is a fault.
OWN_STYLES = re.compile("\x1b\\[(0|1|22|3[0-7]|9[0-7])m")
CODES = {0, 1, 2, 3, 4}


class DefectError(AssertionError):
    """A reader did what none may."""


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """DefectError where the block takes longer; main thread only."""

    def ring(*_: Any) -> None:
        raise DefectError(f"took longer than {seconds} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def run_strictly(*arguments: str) -> tuple[int, str, str]:
    """`repro ARGUMENTS` in this process as on a terminal with colours: exit code, standard output and error.

    An exception that nobody foresaw comes out as it is, not as the line that a user would get.
    """
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", errors="backslashreplace", newline="") for _ in range(2))
    defect, repro.cli._defect = repro.cli._defect, _reraise
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _alarm(HANG_SECONDS):
            code = repro.cli.guarded(
                lambda: repro.cli.cli.main(list(arguments), prog_name="repro", standalone_mode=False, color=True)
            )
    finally:
        repro.cli._defect = defect
    texts = []
    for stream in (out, err):
        stream.flush()
        texts.append(stream.buffer.getvalue().decode("utf-8"))  # type: ignore[attr-defined]
    return int(code), texts[0], texts[1]


def _reraise(error: Exception) -> int:
    raise error


def assert_clean_output(arguments: tuple[str, ...], code: int, out: str, err: str, *, progress: bool = False) -> None:
    """DefectError where a command's answer is not one that a user may get."""
    if code not in CODES:
        raise DefectError(f"{arguments}: exit code {code}")
    for text in (out, err):
        for line in OWN_STYLES.sub("", text).split("\n"):
            if not line.isprintable():
                raise DefectError(f"{arguments}: a character that a terminal obeys in {line[:400]!r}")
    lines = err.splitlines()
    if "Traceback" in err or (lines and code in (2, 3) and not progress and not lines[-1].startswith("repro: ")):
        raise DefectError(f"{arguments}: {err[:400]!r}")
    if code == 2 and not lines:
        raise DefectError(f"{arguments}: exit code 2 without a word")
    if "--json" in arguments and code in (0, 1) and out:
        json.loads(out.splitlines()[0])


def run_and_check(*arguments: str, progress: bool = False) -> None:
    """One command, judged."""
    assert_clean_output(arguments, *run_strictly(*arguments), progress=progress)
