"""How long runs will take, from those that were made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from repro.runs.summary import RunSummary
    from repro.scenario.types import Scenario
    from tui.commands import Request


class History(Protocol):
    """The runs that were made here, newest first, and the seconds of an epoch in each environment."""

    step_seconds: dict[str, float]

    def runs(self) -> Sequence[RunSummary]:
        """All runs."""
        ...


def seconds_of(history: History, request: Request, scenarios: Mapping[str, Scenario]) -> float | None:
    """Seconds for all runs of a request, one after another; None where too little is known."""
    total = 0.0
    for scenario, environment, _, _ in request.each():
        runs = [run for run in history.runs() if run.environment == environment and run.seconds is not None]
        same = next((run.seconds for run in runs if run.scenario == scenario), None)
        step = history.step_seconds.get(environment)
        if same is not None:
            total += same
        elif runs and step is not None and runs[0].seconds is not None:
            total += max(0.0, runs[0].seconds - runs[0].epochs * step)
            total += scenarios[scenario].fit.epochs * step if scenario in scenarios else 0.0
        else:
            return None
    return total
