"""Why: the layers in which the phases diverge."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.runs import recorded
from tests.support.screens import SIZES, MakeApp, shows, until
from tui.screens.run import RunScreen

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("size", SIZES)
async def test_why_names_the_layer_where_the_phases_diverge(
    make_app: MakeApp, store: Path, size: tuple[int, int]
) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✓ reproduced")
        await pilot.press("w")
        await shows(pilot, "conv1_bn", "diverge at layer 1", "0.99^5")
        await pilot.press("f", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


async def test_why_without_arrays_or_layers_says_so(make_app: MakeApp, store: Path) -> None:
    said = [*recorded.beginning(), *recorded.epochs(1, 5), *recorded.measured(1), *recorded.measured(5)]
    with_layers = recorded.write(store, recorded.make_id(1), said)
    without = recorded.write(store, recorded.make_id(2), recorded.beginning())
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        from tui.screens.why import WhyScreen

        await until(pilot, lambda: app.session.loaded)
        app.push_screen(WhyScreen(with_layers.id))
        await shows(pilot, "holds no arrays", "bn_00", "after epoch 5")
        await pilot.press("left")
        await shows(pilot, "after epoch 1", "0.99^1")
        app.push_screen(WhyScreen(without.id))
        await shows(pilot, "measured no BatchNormalization layer")
