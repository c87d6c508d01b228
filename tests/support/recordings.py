"""Recordings that the real recorder made of the programs in tests/data/recordings/README.md, as zips."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.support.paths import RECORDINGS


def recording_zip(name: str) -> Path:
    """Return the zip of a recording."""
    return RECORDINGS / f"{name}.zip"


def unpack(name: str, folder: Path) -> Path:
    """Unpack a recording into `folder`; return its own folder."""
    with zipfile.ZipFile(recording_zip(name)) as archive:
        archive.extractall(folder)
    return next(folder.glob("2*"))
