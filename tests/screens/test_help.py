"""Help, the palette, and keys that are left to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import recorded
from tests.support.screens import MakeApp, shows, text_of, until
from tui.screens.library import LibraryScreen

pytestmark = pytest.mark.asyncio


async def test_help_shows_the_keys_that_count_here(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 50)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("f1")
        await shows(pilot, "Run the chosen or marked scenarios", "Show all runs", "claim")
        said = text_of(app)
        assert said.index("Keys: Library") < said.index("What this is") < said.index("Keys: Go")
        await pilot.press("escape")
        await shows(pilot, "The report")


async def test_help_tells_of_whatever_has_the_focus(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 50)) as pilot:
        await shows(pilot, "original-bug")
        await until(pilot, lambda: app.session.loaded)
        for keys in ((), ("r",), ("escape", "2"), ("3",), ("4",), ("2", "enter"), ("w",), ("escape", "e")):
            await pilot.press(*keys)
            await until(pilot, lambda: app.screen.focused is not None)
            place = app.screen
            for widget in list(place.focus_chain):
                place.set_focus(widget)
                await pilot.press("f1")
                await shows(pilot, "What has the focus")
                await pilot.press("escape")
                await until(pilot, lambda: app.screen is place)  # noqa: B023 (it is over before the next turn)
        assert run.id in app.session.run_ids


async def test_the_palette_names_area_verb_and_object(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("f2")
        await shows(pilot, "a       Library: Run all scenarios", "3       Go: Compare the marked runs")
        said = text_of(app)
        assert said.index("Library: Watch") < said.index("Go: ") < said.index("Screen: ")
        await pilot.press(*"use theme light")
        await shows(pilot, "View: Use theme light")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.theme == "repro-light")
    assert make_app().session.settings.theme == "repro-light"


async def test_ctrl_p_and_ctrl_q_belong_to_docker(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("ctrl+p", "ctrl+q")
        await pilot.pause()
        assert app.is_running and isinstance(app.screen, LibraryScreen)
