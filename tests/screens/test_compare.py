"""Two runs compared."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import recorded
from tests.support.screens import SIZES, MakeApp, shows, text_of

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("size", SIZES)
async def test_two_runs_are_compared(make_app: MakeApp, store: Path, size: tuple[int, int]) -> None:
    recorded.finished(store, 1)
    recorded.finished(store, 2, environment="keras-2.0.9", seed=1)
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await pilot.press("2")
        await shows(pilot, "2 runs")
        await pilot.press("space", "space", "3")
        await shows(pilot, "A  original-bug", "B  original-bug", "Loss in fit")
        app.screen.query_one("#comparison").scroll_end(animate=False)
        await shows(pilot, "Last verdicts", "✓ reproduced")


async def test_only_what_differs_is_shown(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    recorded.finished(store, 2, seed=1)
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 60)) as pilot:
        await pilot.press("2")
        await shows(pilot, "2 runs")
        await pilot.press("space", "space", "3")
        await shows(pilot, "Predictions", "≠ seed", "rows are the same: a shows them")
        assert "threads" not in text_of(app)
        await pilot.press("a")
        await shows(pilot, "threads", "--all-rows")
        await pilot.press("x")
        await shows(pilot, "One run is marked")
