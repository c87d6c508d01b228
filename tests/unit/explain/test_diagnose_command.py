"""`repro diagnose` on a run of a scenario, and what is advised."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from repro.explain.causes.finding import TrialRow, advice
from repro.explain.criteria import updates_needed
from repro.explain.evidence_of_scenario import outliers
from repro.scenario.image_record import ImageRecord
from tests.support.command_line import Repro
from tests.support.paths import RECORDED_RUN


def test_equal_images_have_no_outliers() -> None:
    def image(mean: float) -> ImageRecord:
        return ImageRecord("x", "", "L", 8, 8, 0, "", 0, 255, mean, 1.0)

    assert outliers([image(10.0)] * 9 + [image(12.0)]) == []
    assert outliers([image(10.0)] * 9 + [image(30.0)]) == [9]


def test_the_report_of_2017_is_diagnosed(repro: Repro, store: Path) -> None:
    run = "20260101T000000.000000Z-original-bug-keras-3-s0-test"
    shutil.copytree(RECORDED_RUN, store / run)
    printed: Any = repro("diagnose", "last", "--json").json
    assert printed["diagnosis"] == "not-converged"
    numbers = printed["findings"][0]["numbers"]
    assert (numbers["updates"], numbers["updates_needed"]) == (5, 459)
    assert "was not traced: train it again" in printed["note"]
    assert "still weigh 95.1 %" in repro("diagnose", "last").out


def test_a_run_that_is_not_finished_has_no_diagnosis(repro: Repro, store: Path) -> None:
    shutil.copytree(RECORDED_RUN, store / "20260101T000000.000000Z-original-bug-keras-3-s0-test")
    next(store.glob("*/result.json")).unlink()
    repro("diagnose", "last").refused(2, "diagnose it when it has finished")


@pytest.mark.parametrize("momentum", [0.0, 0.01, 0.5, 0.9, 0.99, 0.999])
def test_updates_needed_are_the_first_that_suffice(momentum: float) -> None:
    needed = updates_needed(momentum)
    assert needed is not None
    assert momentum**needed < 0.01 + 1e-12
    assert needed == 1 or momentum ** (needed - 1) >= 0.01


def test_only_what_worked_is_advised() -> None:
    remedies = {"a": "do a", "b": "do b"}

    def row(says: str, works: bool) -> TrialRow:
        return TrialRow(says, 1.0, 10, 10, 5, None, None, works)

    assert advice([], remedies, "do it") == "do it"
    assert (
        advice([row("a", False), row("b", True), row("c", True)], remedies, "do it") == "do b: seen to work on this run"
    )
    assert advice([row("a", True), row("b", True)], remedies, "").startswith("do a, or do b: seen")
