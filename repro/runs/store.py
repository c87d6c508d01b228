"""The store: a folder of run directories, listed, found, created and deleted."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
import time
from pathlib import Path
from typing import IO

import msgspec

from repro.base.errors import InputError, UnusableError
from repro.base.files import sync_folder, write_durably
from repro.base.text import one_line
from repro.runs import ids, layout
from repro.runs.cleanup import find_leftovers, remove_leftovers
from repro.runs.directory import RunDirectory
from repro.runs.records import RunRecord

ABANDONED_SECONDS = 600.0  # far longer than a run takes to be made
PATH_MAX = 4096  # Linux: with the byte that ends it
LONGEST_NAME = 120  # below a run's directory, with what Keras and TensorFlow put into the worker's home
TRASH = ".trash"
# Run directories that are being made, and files that try whether the store can be written.
NEW_PREFIX = ".new-"
PROBE_PREFIX = ".probe-"


class Store:
    """A folder of run directories."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check_writable(self) -> None:
        """Raise UnusableError if no run could be written here. Removes what killed processes left."""
        self._require_short_path()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / f"{PROBE_PREFIX}{os.getpid()}-{secrets.token_hex(4)}"
            probe.write_bytes(b"0" * 4096)
            probe.unlink()
            self._sweep()
        except OSError as error:
            with contextlib.suppress(OSError, UnboundLocalError):
                probe.unlink()
            raise UnusableError(
                f"the store cannot be written ({error.strerror})", do=store_remedy(error), file=self.path
            ) from None

    def _require_short_path(self) -> None:
        """Refuse a folder in which the names of a run's files would become too long while it runs."""
        longest = len(os.fsencode(self.path.absolute())) + 255 + LONGEST_NAME
        if longest >= PATH_MAX:
            raise UnusableError(
                f"the store cannot be written ({os.strerror(errno.ENAMETOOLONG)})",
                do=f"name a folder of at most {PATH_MAX - 256 - LONGEST_NAME} bytes with --store",
                file=self.path,
            )

    def _sweep(self) -> None:
        """Remove what killed processes left: half-written files, and unlocked runs that never got their final name."""
        for run in self.runs():
            if run.has_result() or run.is_locked() or not find_leftovers(run.path):
                continue
            with contextlib.suppress(InputError, OSError):
                if run.state() != "elsewhere":
                    with run.acquire():
                        remove_leftovers(run.path)
        for hidden in self.path.glob(f"{NEW_PREFIX}*"):
            if _is_abandoned(hidden) and not RunDirectory(hidden).is_locked():
                shutil.rmtree(hidden, ignore_errors=True)
        for probe in self.path.glob(f"{PROBE_PREFIX}*"):
            if _is_abandoned(probe):
                probe.unlink(missing_ok=True)

    def latest(self) -> str:
        """Return the id that sorts last; an empty string if there are no runs."""
        return max(self._ids(), default="")

    def runs(self) -> list[RunDirectory]:
        """Return all runs, oldest first."""
        return [RunDirectory(self.path / name) for name in sorted(self._ids())]

    def _ids(self) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self.path) if ids.PATTERN.match(entry.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnusableError(
                f"the store cannot be read ({error.strerror})", do=store_remedy(error), file=self.path
            ) from None

    def find(self, text: str) -> RunDirectory:
        """Return the run that an id, a unique prefix of an id or of its random part, or `last` means."""
        runs = self.runs()
        if text == "last":
            if not runs:
                raise InputError(f"the store {self.path} has no runs", do="start one with `repro run`")
            return runs[-1]
        matches = [run for run in runs if run.id == text] or [
            run for run in runs if run.id.startswith(text) or ids.short_id(run.id).startswith(text)
        ]
        if not matches or not text:
            raise InputError(f"no run is called {one_line(text, 80)!r}", do="`repro runs` lists them")
        if len(matches) > 1:
            some = ", ".join(run.id for run in matches[:3])
            raise InputError(f"{one_line(text, 80)!r} means {len(matches)} runs ({some})", do="give more of the id")
        return matches[0]

    def create(self, record: RunRecord, files: dict[str, bytes]) -> tuple[RunDirectory, IO[bytes]]:
        """Make the run's directory with `files` (names may hold folders) and return it with its lock held.

        It is filled and locked under a hidden name first, so that it never exists without its lock.
        """
        hidden = self.path / f"{NEW_PREFIX}{record.id}"
        lock = None
        try:
            (hidden / layout.ARRAYS).mkdir(parents=True)
            (hidden / layout.WEIGHTS).mkdir()
            lock = RunDirectory(hidden).acquire()
            RunDirectory(hidden).reserve()
            write_durably(hidden / layout.RECORD, msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
            for name, data in files.items():
                (hidden / name).parent.mkdir(parents=True, exist_ok=True)
                write_durably(hidden / name, data)
            hidden.rename(self.path / record.id)
            sync_folder(self.path)
        except BaseException as error:
            if lock is not None:
                lock.close()
            shutil.rmtree(hidden, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise UnusableError(
                f"the run cannot be written ({error.strerror})", do=store_remedy(error), file=self.path
            ) from None
        return RunDirectory(self.path / record.id), lock

    def delete(self, run: RunDirectory) -> Path:
        """Move a run that is not running to the trash folder; return its new path."""
        state = run.state()
        if state in ("running", "elsewhere"):
            raise InputError(f"the run {run.id} is {state}", do=f"stop it first: repro stop {run.id}")
        trash = self.path / TRASH
        trash.mkdir(exist_ok=True)
        target = trash / run.id
        run.path.rename(target)
        return target

    def restore(self, run_id: str) -> RunDirectory:
        """Move a deleted run back from the trash folder."""
        (self.path / TRASH / run_id).rename(self.path / run_id)
        return RunDirectory(self.path / run_id)


def _is_abandoned(path: Path) -> bool:
    """Return whether a file is old; False if it was renamed or removed since it was listed."""
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def store_remedy(error: OSError) -> str:
    """Return what the user can do about a store that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, or name another folder with --store"
    if error.errno in (errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ENOENT):
        return "name another folder with --store"
    return f"chown it to {os.getuid()}:{os.getgid()}, or name another folder with --store"
