"""What holds for every screen: colours, size, notices, and what becomes of a closed one."""

from __future__ import annotations

import gc
import inspect
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.widgets import OptionList

from repro.queue import tickets
from tests.support.runs import recorded
from tests.support.screens import MakeApp, shows, until
from tui.screens.base import ReproScreen
from tui.screens.library import LibraryScreen
from tui.screens.report import ReportScreen
from tui.screens.run import RunScreen
from tui.screens.runs import RunsScreen
from tui.screens.what_if import WhatIfScreen
from tui.screens.why import WhyScreen

pytestmark = pytest.mark.asyncio


async def test_a_place_is_reached_from_a_run_that_lies_upon_it(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "Loss in fit")
        await pilot.press("1")
        await shows(pilot, "The report")
        app.open_run(run.id)
        await shows(pilot, "Loss in fit")
        await pilot.press("2")
        await shows(pilot, "1 run,")


async def test_what_was_drawn_of_a_screen_goes_with_it(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("2")
        await shows(pilot, "1 run")
        await pilot.press("enter")
        await shows(pilot, "Right in training (3/3), wrong in predict (1/3)")
        drawn = [widget._styles_cache for widget in app.screen.walk_children() if widget._styles_cache._cache]
        assert drawn
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.pause(0.1)
        kept = [cache for cache in drawn if any(isinstance(holder, tuple) for holder in gc.get_referrers(cache))]
        assert not kept, "a cache of Textual's, which is no widget's, holds its lines"


LATE: list[tuple[Callable[[str], ReproScreen], str, tuple[object, ...]]] = [
    (lambda run_id: ReportScreen([run_id]), "_show_preview", (None, "")),
    (lambda run_id: ReportScreen([run_id]), "_show_issue", ("# Issue", "")),
    (WhyScreen, "_loaded", ([], [], None, "")),
    (WhatIfScreen, "_loaded", (None, None, "no trace")),
    (RunScreen, "_put_pictures", (None,)),
]


@pytest.mark.parametrize(("make_screen", "name", "values"), LATE, ids=[f"{name}" for _, name, _ in LATE])
async def test_what_a_thread_brings_to_a_closed_screen_is_let_go(
    make_app: MakeApp, store: Path, make_screen: Callable[[str], ReproScreen], name: str, values: tuple[object, ...]
) -> None:
    run = recorded.finished(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        screen = make_screen(run.id)
        await app.push_screen(screen)

        async def bring() -> None:
            done = getattr(screen, name)(*values)
            if inspect.isawaitable(done):
                await done

        await bring()
        closing = app.pop_screen()
        await bring()  # while it is taken away
        await closing
        await pilot.pause()
        await bring()
        assert isinstance(app.screen, LibraryScreen)


async def test_a_screen_that_is_being_closed_may_be_drawn_once_more(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✓ reproduced")
        for place in app.screen.query("#claims"):
            place.display = False  # as all of a screen when it is being closed
        app.screen.on_screen_resume()
        app.screen._draw()


async def test_the_command_line_is_copied_and_kept_in_a_file(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "$ repro run original-bug")
        await pilot.press("y")
        await shows(pilot, "copied the command line")
    assert (tmp_path / "settings" / "copied.txt").read_text().startswith("repro run original-bug")


async def test_too_small_says_so_and_large_enough_goes_on(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(59, 17)) as pilot:
        await shows(pilot, "59 x 17 is too small", "60 x 18")
        await pilot.resize_terminal(60, 18)
        await shows(pilot, "original-bug")


async def test_every_screen_works_without_colour(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    run = recorded.finished(store, 1)
    recorded.finished(store, 2, seed=1)
    app = make_app()
    assert app.no_color
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await shows(pilot, "✓ keras-3")
        await pilot.press("2")
        await shows(pilot, "2 runs", "✓ reproduced")
        await pilot.press("space", "space")
        await until(pilot, lambda: len(app.session.marked) == 2)
        await pilot.press("3")
        await shows(pilot, "A  original-bug", "✗ class")
        app.open_run(run.id)
        await shows(pilot, "Loss in fit")


@pytest.mark.parametrize("theme", ["repro-dark", "repro-light", "repro-contrast", "repro-terminal"])
async def test_every_theme_draws_every_word(make_app: MakeApp, store: Path, theme: str) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    app.theme = theme
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await shows(pilot, "✓ keras-3")
        app.open_run(run.id)
        await shows(pilot, "Loss in fit", "✓ held")
        await pilot.press("w")
        await shows(pilot, "conv1_bn")


async def test_the_cursor_is_seen_in_the_terminals_own_colours(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    app = make_app()
    app.theme = "repro-terminal"
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await shows(pilot, "✓ keras-3")
        for keys, name in (((), "#scenarios"), (("2",), "#list")):
            await pilot.press(*keys)
            await until(pilot, lambda name=name: app.screen.query(name) and app.screen.query_one(name).has_focus)
            segments = [segment for y in range(4) for segment in app.screen.query_one(name).render_line(y)]
            assert any(segment.style is not None and segment.style.reverse for segment in segments), name


async def test_a_run_that_cannot_start_says_why(make_app: MakeApp, store: Path) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        ticket = tickets.add(store, "original-bug", "keras-3", 0, ["run"])
        import msgspec

        tickets._write(store, msgspec.structs.replace(ticket, error="repro: no interpreter: install it"))
        await shows(pilot, "could not start", "no interpreter")
        await until(pilot, lambda: tickets.tickets(store) == [])


async def test_a_notice_tells_how_a_run_ended(make_app: MakeApp, store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        with run.acquire():
            await shows(pilot, "● original-bug 2/5")
        await shows(pilot, "interrupted")
        assert app.query(OptionList) is not None
