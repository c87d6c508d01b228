"""A store, and a recording to take in."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.runs.store import Store
from tests.support.recordings import unpack


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Return an empty store, which commands use too."""
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "runs"))
    return Store(tmp_path / "runs")


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Return one recording as its recorder left it, in a folder that anything may be done to."""
    return unpack("few-updates", tmp_path / "repro-recordings")
