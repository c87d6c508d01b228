"""The whole search: ends, halving or all releases, and which of the packages that moved together it was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from repro.base.errors import InputError
from repro.bisect import search
from repro.bisect.axis import Axis, exchanged, make_axis, moved_packages
from repro.bisect.search import Outcome
from repro.bisect.trial import Trial, Trials
from repro.environment.definition import Environment
from repro.environment.named import is_list, named
from repro.environment.requirement_list import TENSORFLOW, parse

FORMAT = 1


@dataclass
class Found:
    """The state of the search; `trials` by place on the axis."""

    axis: Axis
    trials: dict[int, Trial]
    low: int = 0
    high: int = 0
    # Trials that hold packages still, in the order they were made, each with what was exchanged.
    exchanges: list[tuple[str, Trial]] = field(default_factory=list)
    package: str | None = None
    also: list[str] = field(default_factory=list)
    changes: list[tuple[int, int]] = field(default_factory=list)

    @property
    def outcomes(self) -> dict[int, Outcome]:
        return {place: trial.outcome for place, trial in self.trials.items()}

    @property
    def is_found(self) -> bool:
        """Whether last good and first bad are neighbours."""
        return self.high - self.low == 1

    @property
    def ends(self) -> tuple[Trial, Trial]:
        """The last good and the first bad trial."""
        return self.trials[self.low], self.trials[self.high]


class Bisection:
    """Finds the release at which a claim begins to fail. `report` is told the state after each trial."""

    def __init__(self, trials: Trials, say: Callable[[str], None], report: Callable[[Found], None]) -> None:
        self._trials = trials
        self._say = say
        self._report = report

    def run(self, good: str, bad: str, *, scan: bool = False) -> Found:
        """Return what was found; InputError where the ends do not differ, or the claim is not decided there."""
        axis = make_axis(good, bad)
        environments = self._end(good), self._end(bad)
        for environment in environments:
            self._trials.plans(environment)  # refused before anything is trained
        last = len(axis.places) - 1
        trials = {}
        for end, environment, name in ((0, environments[0], "--good"), (last, environments[1], "--bad")):
            spot = axis.places[end]
            trials[end] = self._trials.try_environment(environment, spot.release, spot.day)
            self._require_decided(trials[end], name)
        self._require_difference(trials[0], trials[last])
        result = Found(axis, trials, 0, last)
        self._report(result)
        while (place := self._next(result, scan)) is not None:
            spot = axis.places[place]
            python = environments[0].definition.python
            result.trials[place] = self._trials.try_list(spot.wanted, spot.release, spot.day, python)
            result.low, result.high = search.interval(result.outcomes, last + 1)
            self._report(result)
        if scan:
            result.changes = search.changes([result.trials[place].outcome for place in range(last + 1)])
        if result.is_found:
            self._separate(result)
        return result

    def _end(self, name: str) -> Environment:
        return self._trials.make(parse([name])) if is_list(name) else named(name)

    def _next(self, result: Found, scan: bool) -> int | None:
        if scan:
            return next((place for place in range(len(result.axis.places)) if place not in result.trials), None)
        return search.next_place(result.outcomes, len(result.axis.places))

    def _require_decided(self, trial: Trial, option: str) -> None:
        if trial.outcome == "skipped":
            raise InputError(
                f"{option}: nothing is decided in {trial.environment} ({trial.reason})",
                do="choose another end, another --claim, or more --seeds",
            )

    def _require_difference(self, good: Trial, bad: Trial) -> None:
        if good.outcome == "held" and bad.outcome == "failed":
            return
        if good.outcome == bad.outcome:
            what = f"the ends do not differ: the claim {good.outcome} in both"
            raise InputError(what, do="choose other ends, or another --claim")
        what = f"the claim holds in {bad.environment} and fails in {good.environment}"
        raise InputError(what, do="exchange --good and --bad: good is where it holds")

    def _separate(self, result: Found) -> None:
        """Tell the package of the axis from those that moved with it: one held still, then the others."""
        good, bad = (named(trial.environment or "") for trial in result.ends)
        package = result.axis.package
        moved = moved_packages(good, bad)
        result.also = [name for name in moved if name != package]
        if not result.also:
            result.package = package
            return
        alone = self._exchange(result, f"only {package} moved", good, bad, package)
        rest = self._exchange(result, f"all but {package} moved", bad, good, package)
        if alone.outcome == "failed" and rest.outcome != "failed":
            result.package = package
        elif alone.outcome == "held" and rest.outcome == "failed":
            tensorflow = next((name for name in result.also if name in TENSORFLOW), None)
            if tensorflow is not None:
                one = self._exchange(result, f"only {tensorflow} moved", good, bad, tensorflow)
                result.package = tensorflow if one.outcome == "failed" else None

    def _exchange(self, result: Found, what: str, base: Environment, donor: Environment, package: str) -> Trial:
        """Try `base` with `package` as `other` has it."""
        wanted = exchanged(base, donor, package)
        days = [trial.day for trial in result.ends if trial.day is not None]
        release = wanted.pins.get(result.axis.package, "")
        python = base.definition.python
        trial = self._trials.try_list(wanted, release, None, python, max(days, default=None))
        result.exchanges.append((what, trial))
        self._report(result)
        return trial


def as_object(result: Found, *, scenario: str, claim: str | None, good: str, bad: str) -> dict[str, Any]:
    """Return the result as --json prints it."""
    first, second = result.ends
    places = sorted(result.trials)
    names = result.axis.releases
    return {
        "format": FORMAT,
        "scenario": scenario,
        "claim": claim,
        "axis": {"package": result.axis.package, "releases": names},
        "good": good,
        "bad": bad,
        "tried": [_trial(result.trials[place]) for place in places],
        "exchanged": [{"what": what, **_trial(trial)} for what, trial in result.exchanges],
        "last_good": first.release,
        "first_bad": second.release,
        "found": result.is_found,
        "package": result.package,
        "confidence": search.confidence(first.held, first.decided, second.held, second.decided),
        "also": result.also,
        "changes": [{"before": names[before], "after": names[after]} for before, after in result.changes],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    return {
        "environment": trial.environment,
        "release": trial.release,
        "date": None if trial.day is None else trial.day.isoformat(),
        "outcome": trial.outcome,
        "held": trial.held,
        "decided": trial.decided,
        "reason": trial.reason or None,
        "runs": trial.runs,
    }
