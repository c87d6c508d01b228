"""The keys below: what is offered does something now, what does something is offered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.runs import recorded
from tests.support.screens import shows, text_of, until
from tests.support.what_if_answers import Recorded
from tui.app import ReproApp
from tui.screens.what_if import WhatIfScreen
from tui.screens.why import WhyScreen

pytestmark = pytest.mark.asyncio
MakeApp = Callable[[], ReproApp]


def offered(app: ReproApp) -> dict[str, bool]:
    """The keys that the screen's footer can show, by their labels, and whether they are lit."""
    return {
        binding.description: enabled for _, binding, enabled, _ in app.screen.active_bindings.values() if binding.show
    }


def lit(app: ReproApp, label: str) -> bool:
    """Whether the footer draws a key as one that does something."""
    line = app.screen.query_one("KeyHints").render()
    start = line.plain.index(f" {label} ")
    return not any("dim" in str(span.style) for span in line.spans if span.start <= start + 1 < span.end)


async def test_one_measured_epoch_offers_no_other(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.push_screen(WhyScreen(run.id))
        await shows(pilot, "The phases diverge", "f First divergence")
        assert "Earlier" not in text_of(app) and "Later" not in text_of(app)


async def test_the_first_of_several_measured_epochs_offers_only_a_later_one(make_app: MakeApp, store: Path) -> None:
    said = [*recorded.beginning(2), *recorded.epochs(1, 1), *recorded.measured(1)]
    run = recorded.write(store, recorded.make_id(1), [*said, *recorded.epochs(2, 2), *recorded.measured(2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.push_screen(WhyScreen(run.id))
        await shows(pilot, "after epoch 2", "← Earlier  → Later")
        await until(pilot, lambda: lit(app, "Earlier") and not lit(app, "Later"))
        assert not lit(app, "First divergence")  # no arrays, no layer that diverges
        await pilot.press("left")
        await until(pilot, lambda: lit(app, "Later") and not lit(app, "Earlier"))


async def test_the_keys_of_a_what_if_light_up_when_the_trace_was_read(
    make_app: MakeApp, store: Path, oracle: type[Recorded]
) -> None:
    run = recorded.traced(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await shows(pilot, "1 of 3 right", "↑ Earlier")
        await until(pilot, lambda: lit(app, "Earlier") and lit(app, "Debiased"))
        oracle.let.set()


async def test_only_a_run_that_moves_can_be_frozen(make_app: MakeApp, store: Path) -> None:
    done = recorded.finished(store, 1)
    interrupted = recorded.write(store, recorded.make_id(3), recorded.beginning())
    going = recorded.write(store, recorded.make_id(2), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    with going.acquire():
        async with app.run_test(notifications=True, size=(100, 30)) as pilot:
            await until(pilot, lambda: app.session.loaded)
            app.open_run(going.id)
            await shows(pilot, "epoch 2 of 5", "p Freeze")
            await pilot.press("p")
            await shows(pilot, "view is frozen (p)")
            app.open_run(done.id)
            await shows(pilot, "✓ reproduced")
            await until(pilot, lambda: "Freeze" not in text_of(app))
            app.open_run(interrupted.id)
            await shows(pilot, "! interrupted", "r Resume")
            await until(pilot, lambda: "Freeze" not in text_of(app))


async def test_an_empty_store_offers_nothing_to_do_with_runs(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await pilot.press("2")
        await shows(pilot, "No runs yet")
        for label in ("Mark", "Filter", "Compare", "Report", "Delete"):
            assert not offered(app)[label], label
        await pilot.press("3")
        await shows(pilot, "Mark two runs or more")
        for label in ("All rows", "Unmark", "Copy table"):
            assert not lit(app, label), label


async def test_a_filter_that_finds_nothing_says_how_to_go_on(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await pilot.press("2")
        await shows(pilot, "✓ reproduced")
        assert "esc Clear" not in text_of(app)
        await pilot.press("slash", *"nowhere")
        await shows(pilot, "No run has all these words: escape clears the filter.", "esc Clear", "0 of 1")
        await pilot.press("escape")
        await shows(pilot, "✓ reproduced", "1 run, newest first")
        await until(pilot, lambda: "esc Clear" not in text_of(app))
        await pilot.press("space")
        await shows(pilot, "1 marked", "esc Clear")


async def test_two_marked_runs_offer_what_a_comparison_can_do(make_app: MakeApp, store: Path) -> None:
    runs = [recorded.finished(store, 1), recorded.finished(store, 2, environment="keras-2.0.9")]
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await until(pilot, lambda: len(app.session.summaries) == 2)
        app.session.marked = [run.id for run in runs]
        await pilot.press("3")
        await shows(pilot, "Settings")
        await until(pilot, lambda: all(lit(app, label) for label in ("All rows", "Unmark", "Copy table")))
        await pilot.press("x")
        await until(pilot, lambda: not lit(app, "All rows") and lit(app, "Unmark"))
