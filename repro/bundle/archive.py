"""Zip files that have the same bytes each time, and a target that is written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import io
import os
import secrets
import zipfile
from collections.abc import Sequence
from pathlib import Path

from repro.base.errors import InputError, UnusableError

_DATE = (1980, 1, 1, 0, 0, 0)
_EXISTS = "is there already"
_NAME_ANOTHER = "name another file, or remove it first"


def zipped(files: dict[str, bytes], first: Sequence[str] = ()) -> bytes:
    """Return a zip of `files` by name, those of `first` in front, with fixed dates and modes."""
    front = [name for name in first if name in files]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in [*front, *sorted(files.keys() - set(front))]:
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name], compresslevel=6)
    return stream.getvalue()


def refuse_existing(target: Path) -> None:
    """Raise InputError if `target` exists or cannot be the name of a new zip file."""
    if target.exists() or target.is_symlink():
        raise InputError(_EXISTS, do=_NAME_ANOTHER, file=target)
    if not target.name.endswith(".zip"):
        raise InputError("does not end in .zip", do="name the bundle FILE.zip", file=target)
    if not target.parent.is_dir():
        raise InputError("there is no such folder", do="make it first", file=target.parent)


def write_new(target: Path, data: bytes) -> None:
    """Write `data` to `target`, whole or not at all; InputError if it exists, UnusableError if it cannot be written."""
    refuse_existing(target)
    stem = f".{target.name[:100]}."
    temporary = target.with_name(f"{stem}{secrets.token_hex(4)}.part")
    try:
        for leftover in target.parent.glob(f"{glob.escape(stem)}????????.part"):  # of an export that was killed
            leftover.unlink(missing_ok=True)
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _rename_new(temporary, target)
    except FileExistsError:
        raise InputError(_EXISTS, do=_NAME_ANOTHER, file=target) from None
    except OSError as error:
        do = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "name another folder"
        raise UnusableError(f"cannot be written ({error.strerror})", do=do, file=target) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _rename_new(temporary: Path, target: Path) -> None:
    """Rename `temporary` unless `target` exists; file systems without hard links get a plain rename."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        if target.exists():
            raise FileExistsError from None
        temporary.rename(target)
