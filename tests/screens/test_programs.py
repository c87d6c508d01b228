"""Runs of script scenarios on the screens, and their files in the library."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.support.command_line import run_here
from tests.support.screens import MakeApp, shows, until
from tests.support.script_scenarios import install_python, write_scenario

pytestmark = pytest.mark.asyncio


async def test_a_run_of_a_program_is_a_run(
    make_app: MakeApp, store: Path, tmp_path: Path, own_environments: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    install_python(own_environments)
    file = write_scenario(tmp_path / "program", "print('accuracy 0.5')\n")
    answer = partial(run_here, capfd)("--store", store, "run", file, "--trust", "--json")
    assert answer.code == 0, answer.err
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 60)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(answer.json["run"])
        await shows(pilot, "small", "✓ reproduced", "epoch 12 of 12", "Claims  2 of 2 held")
        app.screen.action_why()
        await shows(pilot, "not-converged")


async def test_a_script_scenario_is_not_run_from_the_library(make_app: MakeApp, tmp_path: Path) -> None:
    file = write_scenario(tmp_path / "program")
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.screen._open(str(file))
        await shows(pilot, "a script scenario cannot be used here")
