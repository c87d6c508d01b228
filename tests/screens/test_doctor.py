"""The doctor's findings."""

from __future__ import annotations

import pytest

from tests.support.screens import MakeApp, shows

pytestmark = pytest.mark.asyncio


async def test_the_doctor_gives_remedies(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await pilot.press("4")
        await shows(pilot, "✓ good", "$ repro doctor", seconds=30)


async def test_the_doctor_puts_no_tick_beside_what_is_missing(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repro import doctor

    found = [
        doctor.Finding("good", "keras-3", "installed as locked"),
        doctor.Finding("good", "tf-2.6", "not installed", "repro environment install tf-2.6"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda _: found)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await pilot.press("4")
        await shows(pilot, "All that runs need is here.", "✓ good     keras-3", "· note     tf-2.6")
