"""A lock that one process of a user can hold at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import tempfile
import time
from pathlib import Path

from repro.base.scratch import PREFIX


class SingleInstance:
    """A per-user single-instance lock, released on exit; `scratch.sweep` cleans up after a kill."""

    def __init__(self, purpose: str) -> None:
        self.path = Path(tempfile.gettempdir()) / f"{PREFIX}{purpose}-{os.getuid()}"
        self._descriptor: int | None = None

    def take(self, seconds: float) -> bool:
        """Take the lock and return whether that worked; waits `seconds` for a process that is about to end."""
        end = time.monotonic() + seconds
        while not self._try():
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
        return True

    def _try(self) -> bool:
        try:
            self.path.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        except OSError:
            return False
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(self.path.stat(), os.fstat(descriptor)):  # else it was swept in between
                self._descriptor = descriptor
                return True
        os.close(descriptor)
        return False

    def close(self) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                self.path.rmdir()
            os.close(self._descriptor)
            self._descriptor = None
