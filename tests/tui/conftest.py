"""What the tests of the terminal UI share."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.oracle import Recorded
from tui.app import ReproApp
from tui.screens import what_if


def text_of(app: ReproApp) -> str:
    """What stands on the screen, line by line."""
    compositor = app.screen._compositor
    return "\n".join("".join(segment.text for segment in strip) for strip in compositor.render_strips())


async def until(pilot: Pilot[int], wanted: Callable[[], object], seconds: float = 30.0) -> None:
    """Let the program go on until `wanted` holds; fails with the screen's text."""
    end = time.monotonic() + seconds
    while not wanted():
        if time.monotonic() > end:
            pytest.fail(f"never came true:\n{text_of(pilot.app)}")  # type: ignore[arg-type]
        await pilot.pause(0.02)


async def shows(pilot: Pilot[int], *words: str, seconds: float = 30.0) -> None:
    """Wait until all words stand on the screen."""
    app: ReproApp = pilot.app  # type: ignore[assignment]
    await until(pilot, lambda: all(word in text_of(app) for word in words), seconds)


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
