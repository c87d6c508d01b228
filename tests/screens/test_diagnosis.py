"""The diagnosis in the first lines of Run and Why is that of `repro diagnose`."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from repro.explain.causes.finding import Finding, TrialRow
from repro.explain.diagnosis import diagnose
from repro.runs.directory import RunDirectory
from tests.support.paths import DATA
from tests.support.screens import MakeApp, shows, text_of, until
from tui.screens.why import WhyScreen
from tui.viewmodels import diagnosis_lines

TRIED = [
    TrialRow("statistics re-estimated", 1.0, 64, 64, 32, 0.1, 2.0, works=True),
    TrialRow("initial values taken out", None, None, 64, None, 2.1, 2.0, works=False),
]
STALE = Finding(
    "stale", "moving statistics lag", {"confidence": "proved on this run", "momentum": 0.99}, "re-estimate", TRIED
)


def test_the_cause_in_words_the_figures_below_and_the_trials_beside() -> None:
    lines = diagnosis_lines.lines([STALE], 120).plain.splitlines()
    assert lines[0] == "stale: moving statistics lag"
    left, right = lines[1][:56], lines[1][56:]
    assert left.strip() == "proved on this run" and right.strip().startswith(
        "✓ tried: statistics re-estimated: 64 of 64"
    )
    assert "✗ tried: initial values taken out: loss 2.1 (before: 2)" in lines[2] and lines[2].startswith(
        "momentum 0.99"
    )
    assert lines[3] == "→ re-estimate"


def test_without_room_the_trials_stand_below() -> None:
    lines = diagnosis_lines.lines([STALE, STALE], 60).plain.splitlines()
    assert lines[0].endswith("also: stale")
    assert [line[:6] for line in lines[1:]] == ["proved", "✓ trie", "✗ trie", "→ re-e"]


def test_nothing_is_said_of_no_finding() -> None:
    assert diagnosis_lines.lines([], 120).plain == ""


@pytest.mark.asyncio
async def test_run_and_why_begin_with_the_diagnosis(make_app: MakeApp, store: Path) -> None:
    with zipfile.ZipFile(DATA / "diagnosed/zero-debiased.zip") as archive:
        archive.extractall(store)
    run = RunDirectory(next(store.glob("2*")))
    said = diagnose(run)[0].headline
    app = make_app()
    async with app.run_test(notifications=True, size=(200, 50)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, said[:150], "✓ tried: statistics re-estimated: 64 of 64 right (before: 32)")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(app.screen, WhyScreen))
        await shows(pilot, said[:150], "zero-debiased")
        lines = [line.strip() for line in text_of(app).splitlines() if line.strip()]
        assert lines[1].startswith("stale: moving statistics lag behind the weights"), lines[:4]


@pytest.mark.asyncio
async def test_a_run_that_did_not_finish_has_no_diagnosis(make_app: MakeApp, store: Path) -> None:
    folder = store / "20260101T000000.000000Z-original-bug-keras-3-s0-test"
    shutil.copytree(DATA / "original-bug-keras-3", folder)
    (folder / "result.json").unlink()
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(folder.name)
        await shows(pilot, "Loss in fit")
        assert not app.screen.query_one("#diagnosis").display
