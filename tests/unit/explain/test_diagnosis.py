"""The rules of a diagnosis, on facts that are given; tests/real/test_diagnosis.py has them from real runs."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from repro.explain.criteria import updates_needed
from repro.explain.diagnosis import Facts, Pixels, diagnose, outliers, remedy_after
from repro.runs.events import BatchSpread
from tests.support.command_line import Repro
from tests.support.paths import RECORDED_RUN

ALIKE = [Pixels(f"{place}.png", 100.0 + place % 7, 40.0 + place % 5) for place in range(60)]
CALM = BatchSpread(count=6, accuracy=1.0, mean_spread=0.1, largest_variance=1.3, layer="bn")
GOOD = Facts(
    images=ALIKE,
    batch_size=10,
    inference=1.0,
    training=1.0,
    momentum=0.99,
    updates=600,
    initial_weight=0.99**600,
    distance=0.02,
    validation=0.95,
    validation_images=ALIKE,
    spread=CALM,
)
FEW = replace(GOOD, inference=0.5, updates=60, initial_weight=0.99**60)
WILD = msgspec.structs.replace(CALM, largest_variance=50.0)
PLAIN = {"momentum": None, "updates": 0, "initial_weight": 0.0, "spread": None}

CASES: dict[str, tuple[Facts, list[str], str]] = {
    "all right": (GOOD, ["no-discrepancy"], "95 % of 60 validation images"),
    "no validation": (replace(GOOD, validation=None), ["no-discrepancy"], "100 % of the training images"),
    "few updates": (FEW, ["not-converged"], "still weigh 54.7 %; after 459 updates"),
    "momentum 1": (replace(FEW, momentum=1.0, initial_weight=1.0), ["not-converged"], "they never get there"),
    "an outlier": (
        replace(GOOD, inference=0.5, spread=WILD, images=[*ALIKE[:-1], Pixels("x.png", 250.0, 5.0)]),
        ["outliers"],
        "x.png has contrast 5",
    ),
    "a wild batch of images alike": (replace(GOOD, inference=0.5, spread=WILD), ["outliers"], "50 times the variance"),
    "few updates and an outlier": (replace(FEW, spread=WILD), ["not-converged", "outliers"], ""),
    "wild, but no discrepancy": (replace(GOOD, spread=WILD), ["no-discrepancy"], ""),
    "small batch": (
        replace(GOOD, batch_size=2, spread=msgspec.structs.replace(CALM, accuracy=0.7)),
        ["small-batch"],
        "70 % of the images right in shuffled batches of 2",
    ),
    "the same with a large batch": (
        replace(GOOD, spread=msgspec.structs.replace(CALM, accuracy=0.7)),
        ["cannot-be-told"],
        "",
    ),
    "overfitting": (replace(GOOD, validation=0.6), ["overfitting"], "only 60 % of 60 validation images"),
    "too few to say so": (replace(GOOD, validation=0.75, validation_images=ALIKE[:4]), ["no-discrepancy"], ""),
    "not scaled": (
        replace(GOOD, validation=0.5, validation_images=[Pixels("v.png", 0.4, 0.2)] * 60),
        ["preprocessing"],
        "validation images 0 and 0 (of 255)",
    ),
    "not learned": (replace(GOOD, inference=0.5, training=0.55, spread=None), ["cannot-be-told"], "has not learned"),
    "nine of ten, as float32": (
        replace(GOOD, inference=0.8999999761581421, training=0.9, spread=None),
        ["no-discrepancy"],
        "90 % of the training images",
    ),
    "a tenth apart, as float32": (
        replace(FEW, inference=0.800000011920929, training=0.9),
        ["not-converged"],
        "still weigh 54.7 %",
    ),
    "unexplained": (replace(GOOD, inference=0.5), ["cannot-be-told"], "neither outliers nor a small batch show"),
    "no BatchNormalization": (replace(GOOD, **PLAIN), ["no-discrepancy"], "has no BatchNormalization layers"),
    "dropout": (replace(GOOD, **PLAIN, inference=0.5), ["cannot-be-told"], "no BatchNormalization layers"),
    "not measured": (replace(GOOD, training=None), ["cannot-be-told"], "has not measured both phases"),
}


@pytest.mark.parametrize("case", CASES)
def test_rules(case: str) -> None:
    facts, causes, words = CASES[case]
    findings = diagnose(facts)
    assert [finding.cause for finding in findings] == causes
    assert words in findings[0].says


@pytest.mark.parametrize("momentum", [0.0, 0.01, 0.5, 0.9, 0.99, 0.999])
def test_updates_needed_are_the_first_that_suffice(momentum: float) -> None:
    needed = updates_needed(momentum)
    assert needed is not None
    assert momentum**needed < 0.01 + 1e-12
    assert needed == 1 or momentum ** (needed - 1) >= 0.01


def test_the_momentum_that_is_advised_converges() -> None:
    numbers = diagnose(FEW)[0].numbers
    assert numbers["lower_momentum"] == 0.92
    assert 0.92**60 < 0.01


def test_a_remedy_that_was_seen_not_to_work_is_not_advised() -> None:
    found = diagnose(FEW)[0]
    assert "set momentum to 0.92 or lower" in remedy_after(found, [])  # nothing was tried
    mended = remedy_after(found, [False, False, True])
    assert mended == "re-estimate the statistics after training: seen to work on this run"
    assert remedy_after(found, [True, True, True]).startswith("set momentum to 0.92 or lower, or re-estimate")
    assert remedy_after(found, [False, True, False]).endswith("nothing that can be tried on this run mends it")


def test_equal_images_have_no_outliers() -> None:
    assert outliers([Pixels("x", 10.0, 1.0)] * 9 + [Pixels("y", 12.0, 1.0)]) == []
    assert outliers([Pixels("x", 10.0, 1.0)] * 9 + [Pixels("y", 30.0, 1.0)]) == [9]


def test_the_report_of_2017_is_diagnosed(repro: Repro, store: Path) -> None:
    run = "20260101T000000.000000Z-original-bug-keras-3-s0-test"
    shutil.copytree(RECORDED_RUN, store / run)
    found: Any = repro("diagnose", "last", "--json").json
    assert found["diagnosis"] == "not-converged"
    numbers = found["findings"][0]["numbers"]
    assert (numbers["updates"], numbers["updates_needed"]) == (5, 459)
    assert "was not traced: train it again" in found["note"]
    assert "still weigh 95.1 %" in repro("diagnose", "last").out


def test_a_run_that_is_not_finished_has_no_diagnosis(repro: Repro, store: Path) -> None:
    shutil.copytree(RECORDED_RUN, store / "20260101T000000.000000Z-original-bug-keras-3-s0-test")
    next(store.glob("*/result.json")).unlink()
    repro("diagnose", "last").refused(2, "diagnose it when it has finished")
