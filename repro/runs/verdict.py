"""Claims against measurements, and the verdict that follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from repro.runs.event_base import Number
from repro.runs.events import to_number
from repro.runs.records import ClaimResult, Measurements, Outcome, Verdict

if TYPE_CHECKING:
    from repro.scenario.script_types import AnyClaim, AnyScenario

# Keras gives some accuracies as float32, others are divided in double precision: equal ones differ by up to 6e-8.
# Two that are not equal differ by one image at least.
ROUND_OFF = 1e-6


def measured_value(measurements: Measurements, value: str) -> float | None:
    """Return the number that a claim's `value` names, None if it was not measured. fit.* is the last epoch's."""
    figure = measurements.figure(value)
    if isinstance(figure, list):
        figure = figure[-1] if figure else None
    return None if figure is None else float(figure)


def decide(claim: AnyClaim, measurements: Measurements, environment: str) -> ClaimResult:
    """Return one claim with its outcome."""
    measured = measured_value(measurements, claim.value)
    other = measured_value(measurements, claim.to) if isinstance(claim.to, str) else float(claim.to)
    outcome: Outcome
    if claim.only and environment not in claim.only:
        outcome = "skipped"
    elif measured is None or other is None:
        outcome = "unknown"
    else:
        outcome = "held" if _holds(claim, measured, other) else "failed"
    figure: Number | None = None if measured is None else to_number(measured)
    return ClaimResult(claim.id, claim.says, claim.value, outcome, figure, expectation(claim))


def _holds(claim: AnyClaim, measured: float, other: float) -> bool:
    """Return whether the operator holds; accuracies that differ by round-off only are equal."""
    slack = ROUND_OFF if claim.value.endswith(".accuracy") else 0.0
    match claim.operator:
        case "equal":
            return measured == other or abs(measured - other) <= slack
        case "close":
            return abs(measured - other) <= (claim.within or 0.0) + slack
        case "at_least":
            return measured >= other - slack
        case "at_most":
            return measured <= other + slack
        case "less_than_value":
            return measured < other - slack
        case "greater_than_value":
            return measured > other + slack


def expectation(claim: AnyClaim) -> str:
    """Return what the claim expects, in words."""
    match claim.operator:
        case "equal":
            return f"= {claim.to}"
        case "close":
            return f"= {claim.to}" if not claim.within else f"= {claim.to} within {claim.within}"
        case "at_least":
            return f"at least {claim.to}"
        case "at_most":
            return f"at most {claim.to}"
        case "less_than_value":
            return f"less than {claim.to}"
        case "greater_than_value":
            return f"greater than {claim.to}"


def decide_all(scenario: AnyScenario, measurements: Measurements, environment: str) -> list[ClaimResult]:
    """Return all of a scenario's claims with their outcomes."""
    return [decide(claim, measurements, environment) for claim in scenario.claims]


def verdict(claims: Iterable[ClaimResult]) -> Verdict:
    """REPRODUCED: a claim counted and all that counted held. NOT_REPRODUCED: one failed. Else INCONCLUSIVE."""
    outcomes = [claim.outcome for claim in claims if claim.outcome != "skipped"]
    if "failed" in outcomes:
        return "NOT_REPRODUCED"
    if outcomes and all(outcome == "held" for outcome in outcomes):
        return "REPRODUCED"
    return "INCONCLUSIVE"
