"""What tests of the terminal UI share: text on the screen, and waiting for it."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from tui.app import ReproApp

MakeApp = Callable[[], ReproApp]
SIZES = [(60, 18), (80, 24), (140, 40)]


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
