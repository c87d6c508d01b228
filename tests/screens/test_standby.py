"""The screen has a worker made ready for the scenario that is chosen."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.queue import tickets
from repro.queue.standby import StandbyManager
from tests.support.screens import MakeApp, shows, text_of, until
from tests.support.standby import WORDS, Fake


@pytest.mark.asyncio
async def test_the_chosen_scenario_is_warmed_up_and_started(
    make_app: MakeApp, store: Path, warming: StandbyManager, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[Path] = []
    monkeypatch.setattr(tickets, "start_working", started.append)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.start_standby()
        await until(pilot, lambda: Fake.made)
        assert Fake.made[0].arguments == WORDS and "warmed up" not in text_of(app)
        Fake.made[0].is_ready = True
        await shows(pilot, "warmed up")
        await pilot.press("r")
        await shows(pilot, "Run original-bug")
        await pilot.press("enter")
        await until(pilot, lambda: Fake.made[0].is_gone)
        assert [ticket.arguments for ticket in tickets.tickets(store)] == [WORDS] and not started
        monkeypatch.setattr(app.session.queue, "tickets", [])  # as where the store was not looked at yet
        Fake.made[0].code = 1
        await until(pilot, lambda: started)


@pytest.mark.asyncio
async def test_the_setting_is_kept(make_app: MakeApp, warming: StandbyManager) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        app.start_standby()
        app.session.toggle_standby()
        await shows(pilot, "warming up a worker is off")
        assert app.session.queue.standby is not None and not app.session.queue.standby.is_on
    assert not make_app().session.settings.warm
