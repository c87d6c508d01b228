"""Temporary folders that outlive no process: the next one removes those whose process was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

PREFIX = "repro-scratch-"


@contextlib.contextmanager
def folder(purpose: str) -> Iterator[Path]:
    """An empty folder for the time of the context, in $TMPDIR or /tmp; OSError where none can be made."""
    sweep()
    path, lock = _make(purpose)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _make(purpose: str) -> tuple[Path, int]:
    """A folder and the descriptor that holds it (flock), which ends with this process."""
    while True:
        path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{purpose}-"))
        try:
            lock = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        except FileNotFoundError:
            continue  # swept already
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():  # else somebody swept it in the instant before it was held
            return path, lock
        os.close(lock)


def sweep() -> None:
    """Remove this user's folders that nobody holds any more."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                if os.fstat(descriptor).st_uid == os.getuid():
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path, ignore_errors=True)
            finally:
                os.close(descriptor)
