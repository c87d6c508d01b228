"""How long runs will take, from those that were made here."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from tui.text import duration, roughly

if TYPE_CHECKING:
    from repro.runs.estimate import Timing
    from repro.scenario.types import Scenario
    from tui.commands import Request


def seconds_of(timings: Collection[Timing], request: Request, scenarios: Mapping[str, Scenario]) -> float | None:
    """Return the seconds of all runs of a request, one after another; None if too little is known."""
    from repro.runs.estimate import expected_time  # the engine's types take 80 ms: after the first paint

    total = 0.0
    for name in request.scenarios:
        for environment in request.environments:
            scenario = scenarios.get(name)
            estimate = expected_time(timings, scenario, environment, request.device) if scenario else None
            if estimate is None:
                return None
            total += estimate.seconds * len(request.seeds)
    return total


def expected_text(timings: Collection[Timing], scenario: Scenario, environment: str, device: str) -> str | None:
    """Return how long one run will take, for people; None if too little is known."""
    if not timings:
        return None
    from repro.runs.estimate import expected_time  # the engine's types take 80 ms: after the first paint

    estimate = expected_time(timings, scenario, environment, device)
    if estimate is None:
        return None
    return duration(estimate.seconds) if estimate.is_measured else f"~{roughly(estimate.seconds)}"
