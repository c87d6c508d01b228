"""Leaving, while something runs and while nothing does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import recorded
from tests.support.screens import MakeApp, shows, text_of, until

pytestmark = pytest.mark.asyncio


async def test_q_leaves_at_once_when_nothing_runs(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0


async def test_q_asks_while_a_run_goes_on(make_app: MakeApp, store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        with run.acquire():
            await shows(pilot, "● original-bug 2/5")
            await pilot.press("q")
            await shows(pilot, "Leave?", "Leave running", "Stop with checkpoint", "Stay")
            await pilot.press("escape")
            await shows(pilot, "The report")
            await pilot.press("q", "s")
            await until(pilot, lambda: run.file("stop").exists())
            assert app.is_running
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0


async def test_in_a_container_leaving_means_stopping(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import repro.environment.record

    image = tmp_path / "image.json"
    image.write_text("{}")
    monkeypatch.setattr(repro.environment.record, "IMAGE_FILE", image)
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        with run.acquire():
            await shows(pilot, "● original-bug 2/5")
            await pilot.press("q")
            await shows(pilot, "end with this container", "Stop with checkpoint")
            assert "Leave running" not in text_of(app)
