"""Claims against measurements."""

from __future__ import annotations

import struct

import msgspec
import pytest

from repro.runs.records import NOTHING_MEASURED, ClaimResult, Curves, Evaluation, Measurements
from repro.runs.verdict import decide, expectation, measured_value, verdict
from repro.scenario.types import Claim

MEASURED = msgspec.convert(
    {
        "fit": {"loss": [1.0, 0.25], "accuracy": [0.5, 1.0]},
        "evaluate": {"loss": 10.5, "accuracy": 0.25},
        "evaluate_training_phase": {"loss": "nan", "accuracy": "inf"},
        "predict": {"probabilities": [[1.0, 0.0]], "classes": [0], "accuracy": None, "distinct_classes": 1},
    },
    Measurements,
)


def claim(value: str, operator: str, to: float | str, **other: object) -> Claim:
    return Claim(id="X", says="x", value=value, operator=operator, to=to, **other)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "operator", "to", "within", "outcome"),
    [
        ("fit.loss", "equal", 0.25, None, "held"),
        ("fit.loss", "equal", 1.0, None, "failed"),
        ("fit.loss", "equal", 0.2500001, None, "failed"),
        ("evaluate_training_phase.accuracy", "equal", float("inf"), None, "held"),
        ("evaluate.loss", "equal", 10.500000000000002, None, "failed"),
        ("predict.distinct_classes", "equal", 1, None, "held"),
        ("evaluate.loss", "close", 10.0, 0.5, "held"),
        ("evaluate.loss", "close", 11.0, 0.5, "held"),
        ("evaluate.loss", "close", 10.0, 0.4999, "failed"),
        ("evaluate.loss", "close", 10.5, 0.0, "held"),
        ("evaluate.loss", "at_least", 10.5, None, "held"),
        ("evaluate.loss", "at_least", 10.6, None, "failed"),
        ("evaluate.loss", "at_most", 10.5, None, "held"),
        ("evaluate.loss", "at_most", 10.4, None, "failed"),
        ("fit.loss", "less_than_value", "evaluate.loss", None, "held"),
        ("evaluate.loss", "less_than_value", "fit.loss", None, "failed"),
        ("fit.loss", "less_than_value", "fit.loss", None, "failed"),
        ("evaluate.loss", "greater_than_value", "fit.loss", None, "held"),
        ("fit.loss", "greater_than_value", "evaluate.loss", None, "failed"),
        ("evaluate_training_phase.loss", "equal", 1.0, None, "failed"),
        ("evaluate_training_phase.loss", "at_most", 1.0, None, "failed"),
        ("evaluate_training_phase.loss", "close", 1.0, 100.0, "failed"),
        ("evaluate_training_phase.loss", "less_than_value", "fit.loss", None, "failed"),
        ("evaluate_training_phase.accuracy", "at_least", 1e300, None, "held"),
        ("fit.accuracy", "close", "fit.accuracy", 0.0, "held"),
        ("evaluate.loss", "close", "fit.loss", 0.5, "failed"),
        ("predict.accuracy", "equal", 1.0, None, "unknown"),
        ("batch_norm.updates", "equal", 5, None, "unknown"),
        ("fit.loss", "less_than_value", "batch_norm.updates", None, "unknown"),
    ],
)
def test_operators(value: str, operator: str, to: float | str, within: float | None, outcome: str) -> None:
    assert decide(claim(value, operator, to, within=within), MEASURED, "keras-3").outcome == outcome


def float32(value: float) -> float:
    return float(struct.unpack("f", struct.pack("f", value))[0])


@pytest.mark.parametrize("right", range(1, 11))
def test_accuracies_that_differ_by_round_off_only_are_equal(right: int) -> None:
    """`evaluate` gives float32, the training phase's accuracy is a quotient in double precision."""
    exact, single = right / 10, float32(right / 10)
    measured = Measurements(
        Curves([], []), evaluate=Evaluation(0.0, single), evaluate_training_phase=Evaluation(0.0, exact)
    )
    other = "evaluate_training_phase.accuracy"
    for operator, to, outcome in (
        ("less_than_value", other, "failed"),
        ("greater_than_value", other, "failed"),
        ("equal", exact, "held"),
        ("at_least", exact, "held"),
        ("at_most", exact, "held"),
        ("close", exact - 0.1, "held"),
        ("close", exact + 0.1, "held"),
    ):
        one = claim("evaluate.accuracy", operator, to, within=0.1 if operator == "close" else None)
        result = decide(one, measured, "keras-3")
        assert (result.outcome, result.measured) == (outcome, single), operator


def test_one_image_in_a_hundred_thousand_is_no_round_off() -> None:
    measured = Measurements(Curves([], []), evaluate=Evaluation(0.0, float32(0.99999)), validation=Evaluation(0.0, 1.0))
    assert decide(claim("evaluate.accuracy", "less_than_value", "validation.accuracy"), measured, "k").outcome == "held"
    assert decide(claim("evaluate.accuracy", "at_least", 1.0), measured, "k").outcome == "failed"


def test_not_a_number_is_told_as_such() -> None:
    result = decide(claim("evaluate_training_phase.loss", "equal", 1.0), MEASURED, "keras-3")
    assert (result.measured, result.expected) == ("nan", "= 1.0")


@pytest.mark.parametrize(("environment", "outcome"), [("keras-2.0.9", "failed"), ("keras-3", "skipped")])
def test_only(environment: str, outcome: str) -> None:
    one = claim("fit.loss", "equal", 7.0, only=["keras-2.0.9"])
    assert decide(one, MEASURED, environment).outcome == outcome


def test_the_last_epoch_counts() -> None:
    assert measured_value(MEASURED, "fit.accuracy") == 1.0
    assert measured_value(NOTHING_MEASURED, "fit.accuracy") is None
    assert measured_value(NOTHING_MEASURED, "evaluate.accuracy") is None


def test_expectations_read_well() -> None:
    assert expectation(claim("fit.loss", "equal", 1.0)) == "= 1.0"
    assert expectation(claim("fit.loss", "close", 1.0, within=0.1)) == "= 1.0 within 0.1"
    assert expectation(claim("fit.loss", "close", 1.0, within=0.0)) == "= 1.0"
    assert expectation(claim("fit.loss", "at_least", 1)) == "at least 1"
    assert expectation(claim("fit.loss", "at_most", 1)) == "at most 1"
    assert expectation(claim("fit.loss", "less_than_value", "evaluate.loss")) == "less than evaluate.loss"
    assert expectation(claim("fit.loss", "greater_than_value", "evaluate.loss")) == "greater than evaluate.loss"


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        (["held"], "REPRODUCED"),
        (["held", "skipped"], "REPRODUCED"),
        (["held", "failed"], "NOT_REPRODUCED"),
        (["unknown", "failed"], "NOT_REPRODUCED"),
        (["skipped", "failed"], "NOT_REPRODUCED"),
        (["held", "unknown"], "INCONCLUSIVE"),
        (["unknown"], "INCONCLUSIVE"),
        (["skipped"], "INCONCLUSIVE"),
        ([], "INCONCLUSIVE"),
    ],
)
def test_verdict(outcomes: list[str], expected: str) -> None:
    results = [ClaimResult("X", "x", "fit.loss", outcome, None, "") for outcome in outcomes]  # type: ignore[arg-type]
    assert verdict(results) == expected
