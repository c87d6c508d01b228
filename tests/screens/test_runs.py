"""The list of runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.runs.store import Store
from tests.support.runs import recorded
from tests.support.screens import MakeApp, shows, until
from tui.screens.runs import RunsScreen
from tui.widgets.runlist import RunList

pytestmark = pytest.mark.asyncio


async def test_an_empty_store_says_how_to_begin(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await pilot.press("2")
        await shows(pilot, "No runs yet", "0 runs")
        await pilot.press("enter", "space", "d", "u", "e", "r", "3")
        await shows(pilot, "Mark two runs or more", "nothing was run yet")


async def test_a_thousand_runs_are_filtered_and_sorted(make_app: MakeApp, store: Path) -> None:
    for index in range(1000):
        recorded.light(store, index, "NOT_REPRODUCED" if index == 500 else "REPRODUCED")
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await pilot.press("2")
        await shows(pilot, "1000 runs, newest first")
        await until(pilot, lambda: all(run.state == "finished" for run in app.session.runs()), 20)
        await pilot.press("slash", *"not", "space", *"seed", "enter")
        await shows(pilot, "1 of 1000", "✗ not reproduced")
        await pilot.press("escape", "s")
        await shows(pilot, "1000 runs, oldest first")
        await pilot.press("end")
        listing = app.screen.query_one(RunList)
        await until(pilot, lambda: listing.cursor == 999)
        await pilot.press("home", "pagedown")
        await until(pilot, lambda: 5 < listing.cursor < 40)


async def test_a_deleted_run_is_taken_back(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    keep = recorded.finished(store, 2)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await pilot.press("2")
        await shows(pilot, "2 runs")
        await pilot.press("d")
        await shows(pilot, "1 run,", "u takes it back", "$ repro delete ")
        assert len(Store(store).runs()) == 1
        await pilot.press("u")
        await shows(pilot, "2 runs")
        assert keep.path.exists()


async def test_a_running_run_is_not_deleted(make_app: MakeApp, store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), recorded.beginning())
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        with run.acquire():
            await pilot.press("2")
            await shows(pilot, "● running")
            screen = app.screen
            assert isinstance(screen, RunsScreen)
            screen.action_delete()
            await shows(pilot, "is running")
        assert run.path.exists()


async def test_the_mouse_opens_a_run(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        from tui.widgets.chrome import Header, KeyHints

        await pilot.click(Header, offset=(22, 0))
        await shows(pilot, "1 run,")
        await pilot.click(RunList, offset=(5, 0), times=2)
        await shows(pilot, "Loss in fit")
        await until(pilot, lambda: app.screen.query_one(KeyHints).region.bottom == 30)  # laid out
        await pilot.click(KeyHints, offset=(3, 0))
        await shows(pilot, "1 run,")
