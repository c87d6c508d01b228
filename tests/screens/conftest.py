"""The program over a store of recorded runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.queue import tickets
from tests.support.what_if_answers import Recorded
from tui.app import ReproApp
from tui.screens import what_if


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """An empty store."""
    folder = tmp_path / "runs"
    folder.mkdir()
    return folder


@pytest.fixture
def make_app(store: Path, tmp_path: Path) -> Callable[[], ReproApp]:
    """The program over the store, with settings of its own."""

    def make() -> ReproApp:
        return ReproApp(store, config_folder=tmp_path / "settings")

    return make


@pytest.fixture
def oracle(monkeypatch: pytest.MonkeyPatch) -> type[Recorded]:
    """A worker that answers only once `let` is set."""
    Recorded.asked, Recorded.fault = [], None
    Recorded.let, Recorded.ended = threading.Event(), threading.Event()
    monkeypatch.setattr(what_if, "WhatIfSession", Recorded)
    monkeypatch.setattr(what_if, "_answers_by_run", {})
    return Recorded


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """No process is started; whether one would have been."""
    found: list[Path] = []
    monkeypatch.setattr(tickets, "start_working", found.append)
    return found
