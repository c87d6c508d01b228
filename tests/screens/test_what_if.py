"""The what-if screen over a traced run directory; recorded answers take the place of the warm worker."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.geometry import Offset

from repro.base.errors import UnusableError
from repro.supervise.what_if import Answer
from tests.support.runs import recorded
from tests.support.screens import shows, text_of, until
from tests.support.what_if_answers import Recorded
from tui.app import ReproApp
from tui.screens import what_if
from tui.screens.what_if import LADDER, WhatIfScreen
from tui.what_if_queue import Question
from tui.widgets.heatmap import MomentumMap
from tui.widgets.slider import Slider

pytestmark = pytest.mark.asyncio
MakeApp = Callable[[], ReproApp]
EPOCHS = recorded.SNAPSHOTS
CELLS = len(EPOCHS) * len(LADDER)


def known(app: ReproApp) -> int:
    return sum(len(field.right) for field in app.screen.query(MomentumMap))


# -- the screen


async def test_why_leads_to_the_sliders_and_the_map_fills(
    make_app: MakeApp, store: Path, oracle: type[Recorded]
) -> None:
    run = recorded.traced(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✓ reproduced")
        await pilot.press("w")
        await shows(pilot, "m Momentum")
        await pilot.press("m")
        await shows(pilot, "0.99^5 = 0.951", "Exact: measured in this very run", "1 of 3 right", "starting TensorFlow")
        await shows(pilot, f"1 of {CELLS} known", "repro what-if", "--momentum 0.99 --epoch 5", "Way left")
        oracle.let.set()
        await until(pilot, lambda: known(app) == CELLS, 20)
        await shows(pilot, "complete", "│ 1/3 │")
        assert len(oracle.asked) == len(set(oracle.asked)) == CELLS - 1
        assert [one.epoch for one in oracle.asked[: len(LADDER) - 1]] == [5] * (len(LADDER) - 1)
        await pilot.press("escape")
        await until(pilot, oracle.ended.is_set, 20)


async def test_the_slider_asks_first_and_stale_questions_are_dropped(
    make_app: MakeApp, store: Path, oracle: type[Recorded]
) -> None:
    run = recorded.traced(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 40)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await until(pilot, lambda: len(oracle.asked) == 1)
        await pilot.press(*["left"] * 5)
        await shows(pilot, "0.8^5 = 0.3277", "--momentum 0.8 --epoch 5", "starting TensorFlow")
        await pilot.press("up", "up", "left")
        await shows(pilot, "0.7^1 = 0.7", "--momentum 0.7 --epoch 1", "loss ·")
        oracle.let.set()
        await until(pilot, lambda: len(oracle.asked) > 1)
        assert oracle.asked[1] == Question(0.7, 1, "moving")
        await shows(pilot, "bit for bit what training at this momentum gives", "✗ class 0 wrong", "loss 1.25")
        await pilot.press("home")
        await shows(pilot, "0^1 = 0", "3 of 3 right", "✓ class 2 right", "0.7000")


async def test_debiased_and_re_estimated_are_not_what_a_run_predicts(
    make_app: MakeApp, store: Path, oracle: type[Recorded]
) -> None:
    run = recorded.traced(store)
    oracle.let.set()
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 40)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await until(pilot, lambda: known(app) == CELLS, 20)
        await pilot.press("d")
        await shows(pilot, "(●) debiased", "No run predicts so", "2 of 3 right", "--epoch 5 --debiased")
        await pilot.press("e")
        await shows(pilot, "(●) re-estimated", "one pass with these weights", "3 of 3 right", "median 0.0000")
        await until(pilot, lambda: known(app) == CELLS, 20)
        assert sum(one.statistics == "re-estimated" for one in oracle.asked) == len(EPOCHS)
        await pilot.press("e")
        await shows(pilot, "(●) moving", "1 of 3 right")


async def test_an_opened_screen_starts_from_what_is_known(
    make_app: MakeApp, store: Path, oracle: type[Recorded]
) -> None:
    run = recorded.traced(store)
    oracle.let.set()
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await until(pilot, lambda: known(app) == CELLS, 20)
        await pilot.press("escape")
        count = len(oracle.asked)
        app.push_screen(WhatIfScreen(run.id))
        await shows(pilot, "complete")
        assert len(oracle.asked) == count


async def test_mouse_and_map_choose(make_app: MakeApp, store: Path, oracle: type[Recorded]) -> None:
    run = recorded.traced(store)
    oracle.let.set()
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await until(pilot, lambda: known(app) == CELLS, 20)
        slider = app.screen.query_one("#momentum", Slider)
        gutter, pitch, lead, _ = slider._row()
        first = gutter + lead
        await pilot.click("#momentum", offset=(first, 0))
        assert slider.value == 0.0
        await pilot.mouse_down("#momentum", offset=(first, 0))
        await pilot.hover("#momentum", offset=(first + 4 * pitch - 1, 0))
        await pilot.mouse_up("#momentum", offset=(first + 4 * pitch - 1, 0))
        assert slider.value == LADDER[4]
        await pilot.hover("#momentum", offset=(first + 8 * pitch, 0))
        assert slider.value == LADDER[4]
        epochs = app.screen.query_one("#epoch", Slider)
        around, between, before, _ = epochs._row()
        assert (around, before) == (gutter, lead)
        row = pitch * (len(slider.values) - 1)
        assert between == row // (len(epochs.values) - 1)  # the same two ends
        field = app.screen.query_one("#map", MomentumMap)
        await pilot.click("#map", offset=Offset(10 + 2 * field.pitch, 1 + field.lines))
        await shows(pilot, "--momentum 0.1 --epoch 2")


async def test_layers_that_differ_in_momentum_are_no_answer_at_one(
    make_app: MakeApp, store: Path, oracle: type[Recorded]
) -> None:
    run = recorded.traced(store)
    file = run.file("arrays/trace.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | {"momenta": [0.9, 0.99]}))
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await shows(pilot, "trained at momentum 0.9, 0.99")
        await until(pilot, lambda: oracle.asked)
        assert (oracle.asked[0].momentum, oracle.asked[0].epoch) == (0.99, 5)


# -- when it cannot answer


async def test_nothing_hides_the_predictions_under_a_mouse_that_drags(
    make_app: MakeApp, store: Path, oracle: type[Recorded]
) -> None:
    run = recorded.traced(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 36)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await shows(pilot, "1 of 3 right")
        assert all(slider.tooltip is None for slider in app.screen.query(Slider))
        await pilot.press("f1")
        await shows(pilot, "The momentum of every BatchNormalization layer")


async def test_an_untraced_run_says_how_to_trace_it(make_app: MakeApp, store: Path, oracle: type[Recorded]) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await shows(
            pilot, "was not traced", "repro run original-bug --environment keras-3 --seed 0 --trace ", "y copies"
        )
        await pilot.press("right", "down", "d", "a")
        await shows(pilot, "was not traced")
        assert not oracle.asked
        await pilot.press("escape")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (UnusableError("keras-3 is not installed", do="repro environment install keras-3"), "keras-3 is not installed"),
        (RuntimeError("[red]odd[/]"), "RuntimeError: [red]odd[/]"),
    ],
)
async def test_a_failure_is_a_notice_and_can_be_asked_again(
    make_app: MakeApp, store: Path, oracle: type[Recorded], fault: Exception, words: str
) -> None:
    run = recorded.traced(store)
    oracle.fault = fault
    oracle.let.set()
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 40)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await shows(pilot, f"what-if: {words.split('(')[0]}"[:40])
        await pilot.press("left")
        await shows(pilot, "No answer", words, "0.98^5", "a asks")
        oracle.fault = None
        await pilot.press("a")
        await until(pilot, lambda: known(app) == CELLS, 20)
        assert "No answer" not in text_of(app)


async def test_a_damaged_trace_says_so(make_app: MakeApp, store: Path, oracle: type[Recorded]) -> None:
    run = recorded.traced(store)
    run.file("arrays/trace.json").write_bytes(b"{")
    short = recorded.traced(store, 2)
    short.file("arrays/trace.f32").write_bytes(b"\x00" * 100)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await shows(pilot, "trace.json: damaged")
        await pilot.press("escape")
        app.push_screen(WhatIfScreen(short.id))
        await shows(pilot, "the trace cannot be read", "1 of 3 right")
        assert len(oracle.asked) <= 1


async def test_leaving_while_the_worker_starts_is_quick(make_app: MakeApp, store: Path, oracle: type[Recorded]) -> None:
    run = recorded.traced(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await until(pilot, lambda: oracle.asked)
        await pilot.press("escape")
        await until(pilot, oracle.ended.is_set, 20)
        assert "what-if:" not in text_of(app)


# -- widths and colours


@pytest.mark.parametrize(
    ("size", "colour", "words"),
    [
        ((60, 18), False, ("▸ momentum", "(●) moving", "1 of 3 right", "▓2▓", "[1]", "--momentum 0.99")),
        ((80, 24), True, ("▸ momentum", "inference (●) moving", "0.995", "▓2▓ ", "[1] ", "Way left", "← Less")),
        ((140, 40), False, ("what if it had been another?", "│ 1/3 │", "███████", "left 1", "e Re-estimated")),
    ],
)
async def test_every_width_with_or_without_colour(
    make_app: MakeApp,
    store: Path,
    oracle: type[Recorded],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    colour: bool,
    words: tuple[str, ...],
) -> None:
    if not colour:
        monkeypatch.setenv("NO_COLOR", "1")
    run = recorded.traced(store)
    monkeypatch.setattr(
        what_if, "_answers_by_run", {str(run.path.absolute()): {Question(0.5, 5, "moving"): answer_of_two()}}
    )
    app = make_app()
    assert app.no_color is not colour
    async with app.run_test(notifications=True, size=size) as pilot:
        app.push_screen(WhatIfScreen(run.id))
        await shows(pilot, "1 of 3 right")
        if size != (140, 40):
            await shows(pilot, *words)
            return
        oracle.let.set()
        await until(pilot, lambda: known(app) == CELLS, 20)
        await shows(pilot, *words)


def answer_of_two() -> Answer:
    return Answer(
        momentum=0.5,
        epoch=5,
        statistics="moving",
        exact=True,
        predict={"classes": [0, 1, 0], "probabilities": [[1.0, 0.0, 0.0]] * 3},
        evaluate={"loss": "nan", "accuracy": 2 / 3},
        seconds=0.1,
    )
