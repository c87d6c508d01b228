"""A process of its own for each run: the ordinary `repro resume` of a run that was made and not started."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path

from repro.runs.directory import RunDirectory

PR_SET_PDEATHSIG = 1
# The child ties its life to ours and becomes the program. The package is the one that this process runs, whatever the
# installed one is; -P: no file of the working directory is imported in the place of a module.
_PROGRAM = """\
import sys
sys.path.insert(0, sys.argv.pop(1))
from repro.sweep.process import end_with
end_with(int(sys.argv.pop(1)), int(sys.argv.pop(1)))
from repro.__main__ import main
main()
"""


def start(run: RunDirectory, at_our_end: signal.Signals) -> subprocess.Popen[str]:
    """Start the supervisor of `run`; it gets the signal `at_our_end` when this thread or process ends in any way."""
    package = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-P", "-c", _PROGRAM, package, str(os.getpid()), str(int(at_our_end))]
    return subprocess.Popen(
        [*command, "--store", str(run.path.parent), "resume", run.id, "--plain", "--json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # a Ctrl+C in the terminal is for the sweep, which passes it on
    )


def reason(said: str) -> str:
    """Return the last fault that a process printed on standard error, or an empty string."""
    lines = [line.removeprefix("repro: ") for line in said.splitlines() if line.startswith("repro: ")]
    return lines[-1] if lines else ""


def end_with(parent: int, signal_number: int) -> None:
    """Have the kernel send this process a signal when its parent ends; exit at once if that has happened already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal_number)
    if os.getppid() != parent:
        sys.exit(4)
