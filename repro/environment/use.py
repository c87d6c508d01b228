"""Installed environments in use: what holds them, their last use, their size, and their removal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from repro.base.errors import InputError, UnusableError
from repro.environment.definition import MARKER, Environment


def hold(environment: Environment) -> IO[bytes] | None:
    """Keep the environment from being removed until the file is closed, and note its use; None if that cannot be."""
    prefix = environment.prefix
    try:
        stream = _use_file(prefix).open("ab")
    except OSError:
        return None  # read-only: it cannot be removed either
    with contextlib.suppress(OSError):
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.utime(_use_file(prefix))
    return stream


def _use_file(prefix: Path) -> Path:
    return prefix.parent / f".{prefix.name}.use"


def last_use(environment: Environment) -> float | None:
    """Return when the environment was last used, else when it was installed, as a time stamp; None if neither is."""
    prefix = environment.prefix
    for file in (_use_file(prefix), prefix / MARKER):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return None


@dataclass(frozen=True)
class Size:
    """Bytes on the disk: of all files, and of those that nothing else shares."""

    total: int
    own: int


def size(prefix: Path) -> Size:
    """Return the size of an installation; hard links to the wheel cache and other environments are not its own."""
    total = own = 0
    seen: set[tuple[int, int]] = set()
    folders = [prefix]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    total += status.st_blocks * 512
                    own += status.st_blocks * 512 if status.st_nlink == 1 else 0
    return Size(total, own)


def remove(environment: Environment) -> Size:
    """Remove an installation and return the size that it had; what it was stays known, for the runs made in it."""
    prefix = environment.prefix
    if not environment.is_installed():
        raise InputError(f"{environment.name} is not installed", do="repro environment list")
    had = size(prefix)
    with written_to(prefix.parent):
        prefix.parent.mkdir(parents=True, exist_ok=True)
        with _use_file(prefix).open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UnusableError(
                    f"{environment.name} is in use", do="wait for its runs (repro runs), or stop them"
                ) from None
            (prefix / MARKER).unlink(missing_ok=True)
            trash = prefix.parent / f".removed-{secrets.token_hex(4)}"
            if prefix.exists():
                prefix.rename(trash)
                shutil.rmtree(trash, ignore_errors=True)
        for file in (_use_file(prefix), prefix.parent / f".{prefix.name}.lock"):
            file.unlink(missing_ok=True)
    return had


@contextlib.contextmanager
def written_to(folder: Path) -> Iterator[None]:
    """Turn an error of the disk into a fault of one line."""
    try:
        yield
    except OSError as error:
        raise UnusableError(
            f"cannot be written ({error.strerror})", do="set REPRO_ENVIRONMENTS to another folder", file=folder
        ) from None
