"""Writes result.json, the last file of a run, and what it says about the other files."""

from __future__ import annotations

import contextlib

import msgspec

from repro.base.files import sha256, sync_folder, write_durably
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.records import Device, Result


def write_result(run: RunDirectory, result: Result) -> None:
    """Write result.json; from then on the run is finished. OSError if it cannot be written."""
    write_durably(run.file(layout.RESULT), msgspec.json.format(msgspec.json.encode(result), indent=1) + b"\n")
    sync_folder(run.path)


def file_hashes(run: RunDirectory) -> dict[str, str]:
    """Return the SHA-256 of every file that a result vouches for, by its name in the run directory."""
    files = sorted(path for path in run.path.rglob("*") if path.is_file())
    return {str(path.relative_to(run.path)): sha256(path) for path in files if path.name not in layout.NOT_HASHED}


def is_degraded(run: RunDirectory, device: Device) -> bool:
    """Return whether a run that asked for `device` used another one; True if its record does not say which."""
    if device == "auto":
        return False
    with contextlib.suppress(OSError, msgspec.DecodeError, KeyError):
        environment = msgspec.json.decode(run.file(layout.ENVIRONMENT).read_bytes())
        return bool(environment["facts"]["device"] != device)
    return True
