"""Folds the events of a recording: what the latest `fit` left behind, and what was measured after it.

Memory does not grow with the number of `fit` calls or epochs but for eight bytes a figure of each epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from repro.runs import recorded_events as recorded
from repro.runs import recorded_values
from repro.runs.figures import Figures

T = TypeVar("T")

MAX_KEPT = 400  # events of one kind that are kept of one fit
MAX_LOGS = 40  # names of logs whose epochs are kept


@dataclass
class FitEvidence:
    """One `fit` call (or loop) with what was measured until the next one began."""

    started: recorded.FitStarted
    ended: recorded.FitEnded | None = None
    measured: list[recorded.Measured] = field(default_factory=list)
    phases: list[recorded.LayerPhasesMeasured] = field(default_factory=list)
    trials: list[recorded.TrialMade] = field(default_factory=list)
    calls: list[recorded.CallObserved] = field(default_factory=list)
    logs: recorded.EpochLogs | None = None

    @property
    def number(self) -> int:
        """The fit's number, from 1."""
        return self.started.fit

    @property
    def has_both_phases(self) -> bool:
        """Whether its samples were measured in both phases."""
        phases = {event.phase for event in self.measured if event.set_ == "fit" and not event.alone}
        return phases == {"inference", "training"}

    def figures(
        self,
        phase: recorded_values.Phase,
        which: recorded_values.SampleSet = "fit",
        *,
        alone: bool = False,
        call: int | None = None,
    ) -> recorded.Measured | None:
        """Return the measurement of one phase, or None if it was not made."""
        for event in self.measured:
            if (event.phase, event.set_, event.alone) == (phase, which, alone) and event.call == call:
                return event
        return None

    def trials_of(
        self, kind: str, which: recorded_values.SampleSet = "fit", call: int | None = None
    ) -> Iterator[recorded.TrialMade]:
        """Yield the trials of a kind that were made on a set of samples."""
        for event in self.trials:
            if event.available and (event.kind, event.set_) == (kind, which) and event.call == call:
                yield event


class RecordedProgress:
    """What is known of a recording beside the figures that every run has."""

    def __init__(self) -> None:
        self.latest: FitEvidence | None = None
        self.measured: FitEvidence | None = None
        self.not_finite: dict[str, recorded.NotFinite] = {}
        self.missing: list[recorded.Missing] = []
        self.faults: list[recorded.RecorderFailed] = []
        self.logs: dict[str, Figures] = {}
        self.steps = 0

    @property
    def fit(self) -> FitEvidence | None:
        """The fit to judge: the latest one whose samples were measured in both phases, else the latest."""
        return self.measured or self.latest

    @property
    def labels(self) -> list[int] | None:
        """Class of each sample that was measured after the fit; None if the outputs are no classes."""
        event = None if self.measured is None else self.measured.figures("inference")
        return None if event is None or event.right is None else event.labels

    def take(self, event: recorded.AnyRecordedEvent) -> None:
        """Take one event."""
        match event:
            case recorded.FitStarted():
                self.latest = FitEvidence(event)
            case recorded.EpochLogs():
                self._take_logs(event)
            case recorded.NotFinite():
                self.not_finite.setdefault(event.what, event)
            case recorded.Missing():
                _keep(self.missing, event)
            case recorded.RecorderFailed():
                _keep(self.faults, event)
            case _:
                self._take_measurement(event)

    def _take_logs(self, event: recorded.EpochLogs) -> None:
        if self.latest is not None:
            self.latest.logs = event
        self.steps += event.steps or 0
        for name, value in (event.logs or {}).items():
            if value is not None and (name in self.logs or len(self.logs) < MAX_LOGS):
                self.logs.setdefault(name, Figures()).append(value)

    def _take_measurement(
        self,
        event: recorded.FitEnded
        | recorded.Measured
        | recorded.LayerPhasesMeasured
        | recorded.TrialMade
        | recorded.CallObserved,
    ) -> None:
        """Add to the fit that the event belongs to; what was put off may belong to an earlier one."""
        fit = next((fit for fit in (self.latest, self.measured) if fit is not None and fit.number == event.fit), None)
        if fit is None:
            return
        match event:
            case recorded.FitEnded():
                fit.ended = event
            case recorded.Measured():
                _keep(fit.measured, event)
                if fit.has_both_phases:
                    self.measured = fit
            case recorded.LayerPhasesMeasured():
                _keep(fit.phases, event)
            case recorded.TrialMade():
                _keep(fit.trials, event)
            case recorded.CallObserved():
                _keep(fit.calls, event)


def _keep(events: list[T], event: T) -> None:
    if len(events) < MAX_KEPT:
        events.append(event)
