"""Starts a worker ahead of time for the run that the user is about to start; see `standby_worker` for its process."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from repro.queue import tickets

OFF = "REPRO_NO_WARM"
EXPIRED = 5


class StandbyProcess:
    """A standby process, as the program that started it sees it."""

    def __init__(self, store: Path, arguments: Sequence[str]) -> None:
        self.arguments = list(arguments)
        self.is_ready = False
        self.is_gone = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "repro.cli.standby", str(store.absolute()), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=tickets.variables(),
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def look(self) -> int | None:
        """Check whether it is ready; return its exit code once it has ended."""
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # closed
            if self._process.stdout.read():
                self.is_ready = True
        code = self._process.poll()
        if code is not None:
            self.is_ready = False
            self.close()
        return code

    def go(self) -> bool:
        """Tell it to work through the queue, ready or not; return False if it has ended."""
        if self.is_gone or self._process.poll() is not None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # it ended, or was closed
            return False
        self.is_gone = True
        return True

    def close(self) -> None:
        """End the process, unless it works through the queue."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class StandbyManager:
    """Decides when a standby process is started and ended: at most one, for the wanted run, while nothing runs."""

    REST_SECONDS = 1.0  # a scenario must stay chosen that long before a worker is started for it
    PAUSE_SECONDS = 5.0  # by then a run that was begun is seen to run

    def __init__(self, store: Path, *, on: bool = True) -> None:
        self.is_on = on and not os.environ.get(OFF)
        self._store = store
        self._wanted: list[str] | None = None
        self._since = 0.0
        self._standby: StandbyProcess | None = None
        self._old: list[StandbyProcess] = []
        self._refused: list[list[str]] = []

    @property
    def is_ready(self) -> bool:
        """Whether the wanted run would begin at once."""
        return self._standby is not None and self._standby.is_ready and self._standby.arguments == self._wanted

    def prepare_for(self, arguments: list[str] | None, *, again: bool = False) -> None:
        """Set the run that would be started now, or None. `again`: also if a process has waited for it in vain."""
        if arguments != self._wanted or (again and self._since == float("inf")):
            self._wanted, self._since = arguments, time.monotonic()

    def look(self, *, busy: bool) -> bool:
        """Start or end a process as needed; return False if one that was to work through the queue has ended.

        `busy`: something runs.
        """
        went = [one for one in self._old if one.look() is not None]
        self._old = [one for one in self._old if one not in went]
        standby = self._standby
        if standby is not None and (code := standby.look()) is not None:
            if code != EXPIRED:
                self._refused = [*self._refused[-20:], standby.arguments]
            self._drop()
            self._since = float("inf") if code == EXPIRED else self._since
        rested = time.monotonic() - self._since >= self.REST_SECONDS
        if standby is not None and standby is self._standby:
            other = standby.arguments != self._wanted and rested
            if not self.is_on or other or busy:
                self._drop()
        elif self.is_on and not busy and rested and self._wanted and self._wanted not in self._refused:
            with contextlib.suppress(OSError):
                self._standby = StandbyProcess(self._store, self._wanted)
        return not any(one.is_gone for one in went)

    def go(self, arguments: list[str]) -> bool:
        """Leave the queue to the standby process if it is for the next run, which has these arguments."""
        standby = self._standby
        if standby is None or standby.arguments != arguments or not standby.go():
            return False
        self._old.append(standby)
        self._standby = None
        self._since = time.monotonic() + self.PAUSE_SECONDS
        return True

    def close(self) -> None:
        """End the standby process; one that works through the queue is not affected."""
        if self._standby is not None:
            self._drop()

    def _drop(self) -> None:
        assert self._standby is not None
        self._standby.close()
        self._old.append(self._standby)
        self._standby = None
