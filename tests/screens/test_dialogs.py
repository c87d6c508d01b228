"""What lies upon a screen: notices beside dialogs, the focus in them, help in a narrow terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from textual.color import Color
from textual.theme import Theme
from textual.widgets import Button, Input

from tests.support.runs import recorded
from tests.support.screens import shows, text_of, until
from tui.app import ReproApp
from tui.screens import leave
from tui.screens.library import LibraryScreen
from tui.themes import NAMES, THEMES
from tui.widgets.choice import AnyOf

pytestmark = pytest.mark.asyncio
MakeApp = Callable[[], ReproApp]


async def test_a_notice_is_seen_once_and_hides_no_button_of_a_dialog(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "original-bug", "not run yet")
        app.say("a notice of some length", seconds=60)
        await shows(pilot, "a notice of some length")
        await pilot.press("r")
        await shows(pilot, "Run original-bug", "a notice of some length", "f5 starts  esc cancels")
        (notice,) = app.screen.query("Toast")
        button = app.screen.query_one("#start", Button)
        assert not notice.region.overlaps(button.region)
        below = app.screen_stack[0]
        await until(pilot, lambda: not below.query_one("ToastRack").display)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is below and below.query_one("ToastRack").display)
        await until(pilot, lambda: text_of(app).count("a notice of some length") == 1)


@pytest.mark.parametrize("theme", [name for name in NAMES if name != "repro-terminal"])
async def test_the_list_with_the_focus_stands_out_most(make_app: MakeApp, theme: str) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        app.theme = theme
        await shows(pilot, "original-bug", "not run yet")
        await pilot.press("r")
        await shows(pilot, "Run original-bug")
        choices = app.screen.query_one("#environments", AnyOf)

        def contrast() -> float:
            own = choices.get_component_styles("option-list--option-highlighted").background
            return colour_distance(choices.background_colors[1], own)

        away = contrast()
        choices.focus()
        assert away > 0
        await until(pilot, lambda: choices.has_focus and contrast() > 1.5 * away)


def colour_distance(one: Color, other: Color) -> float:
    """How far apart two colours lie; the second may be laid over the first."""
    seen = one + other
    return sum(abs(a - b) for a, b in zip(one.rgb, seen.rgb, strict=True))


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_the_cursor_is_seen_in_sixteen_colours(theme: Theme) -> None:
    def seen(colour: str) -> object:
        return RichColor.parse(colour).downgrade(ColorSystem.STANDARD).number

    if theme.variables["block-cursor-text-style"] == "none":
        assert theme.background is not None
        assert seen(theme.variables["block-cursor-background"]) != seen(theme.background)


async def test_help_wraps_beside_its_keys(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(60, 40)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("f1")
        await shows(pilot, "Train with many seeds: rates of the")
        line = next(line for line in text_of(app).splitlines() if " claims  " in line and "│" in line)
        assert line.index("claims") > line.index("│") + 10


async def test_nothing_is_coloured_where_no_mark_stands(make_app: MakeApp, store: Path) -> None:
    """In the terminal's own colours the cursor is reversed: an empty mark would be a block of colour."""
    recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.theme = "repro-terminal"
        await shows(pilot, "original-bug", "✓ keras-3")
        await pilot.press("2")
        await shows(pilot, "✓ reproduced")
        (line,) = [
            strip
            for strip in app.screen._compositor.render_strips()
            if "✓ reproduced" in "".join(s.text for s in strip)
        ]
        coloured = [s.text for s in line if s.style and s.style.reverse and s.style.color and s.style.color.number == 2]
        assert coloured == ["✓ reproduced"]


@pytest.mark.parametrize("key", ["r", "s", "o", "f1"])
async def test_ctrl_c_closes_a_dialog_as_escape_does(make_app: MakeApp, key: str) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "original-bug", "not run yet")
        place = app.screen
        assert isinstance(place, LibraryScreen)
        await until(pilot, place.possible)
        await pilot.press(key)
        await until(pilot, lambda: app.screen is not place and app.screen.is_mounted)
        await until(pilot, lambda: app.focused is not None)
        if isinstance(app.focused, Input) and app.focused.value:
            await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.selected_text)
            await pilot.press("right")  # there it copies
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app.screen is place)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0


@pytest.mark.parametrize("in_container", [False, True])
async def test_ctrl_c_twice_loses_nothing(
    make_app: MakeApp, store: Path, in_container: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leave, "in_container", lambda: in_container)
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        with run.acquire():
            await shows(pilot, "● original-bug 2/5")
            await pilot.press("ctrl+c")
            await shows(pilot, "Leave?")
            await pilot.press("ctrl+c")
            await until(pilot, lambda: run.file("stop").exists() if in_container else not app.is_running)
        await until(pilot, lambda: not app.is_running)
    assert run.file("stop").exists() == in_container
