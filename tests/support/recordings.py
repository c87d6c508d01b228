"""Recordings that the real recorder made of the programs in tests/data/recordings/README.md, as zips."""

from __future__ import annotations

import zipfile
from pathlib import Path

from repro.recording.intake import take_in
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from tests.support.paths import RECORDINGS


def recording_zip(name: str) -> Path:
    """Return the zip of a recording."""
    return RECORDINGS / f"{name}.zip"


def closed_recording(name: str, store: Path) -> RunDirectory:
    """Take a recording into a store, as `repro import` does, and return it."""
    (taken,) = take_in(recording_zip(name), Store(store))
    return taken.run


def unpack(name: str, folder: Path) -> Path:
    """Unpack a recording into `folder`; return its own folder."""
    with zipfile.ZipFile(recording_zip(name)) as archive:
        archive.extractall(folder)
    return next(folder.glob("2*"))
