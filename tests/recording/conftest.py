"""Recordings that the real recorder made of the programs in tests/data/recordings/README.md, as zips."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from repro.runs.store import Store

ZIPS = Path(__file__).resolve().parent.parent / "data" / "recordings"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return an empty store, which commands use too."""
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "runs"))
    return Store(tmp_path / "runs")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return one recording as its recorder left it, in a folder that anything may be done to."""
    return unpack("few-updates", tmp_path / "repro-recordings")


def unpack(name: str, folder: Path) -> Path:
    """Unpack a recording into `folder`; return its own folder."""
    with zipfile.ZipFile(ZIPS / f"{name}.zip") as archive:
        archive.extractall(folder)
    return next(folder.glob("2*"))
