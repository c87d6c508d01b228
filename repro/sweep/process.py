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
# The package is the one that this process runs, whatever the installed one is; -P: nothing that lies in the working
# directory is imported in the place of a module.
_PROGRAM = "import sys; sys.path.insert(0, sys.argv.pop(1)); from repro.sweep.process import main; main(sys.argv[1:])"


def start(run: RunDirectory, at_our_end: signal.Signals) -> subprocess.Popen[str]:
    """Start the supervisor of `run`; it gets the signal `at_our_end` when this thread or process ends, however."""
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
    """The one line that a process said last on standard error, if it is a fault."""
    lines = [line.removeprefix("repro: ") for line in said.splitlines() if line.startswith("repro: ")]
    return lines[-1] if lines else ""


def main(arguments: list[str]) -> None:
    """Arguments: the parent's process id, the signal for its end, then a command line of repro."""
    parent, number, *command = arguments
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(number))
    if os.getppid() != int(parent):
        sys.exit(4)
    from repro.cli import run_command_line

    sys.exit(run_command_line(command))
