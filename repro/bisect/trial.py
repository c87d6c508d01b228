"""One environment tried: its runs, and what became of the claim in them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date

from repro.base.errors import EndedEarlyError, ExitCode, InputError, ReproError, UnusableError
from repro.base.text import one_line
from repro.bisect.search import Outcome
from repro.environment.definition import Environment
from repro.environment.requirement_list import RequirementList
from repro.environment.uv_command import DiskFullError, UnreachableError
from repro.runs.plan import Plan
from repro.runs.planning import RunOptions, make_plans
from repro.runs.records import Result
from repro.runs.store import Store
from repro.supervise.new_environment import make
from repro.sweep.jobs import Job
from repro.sweep.local import LocalRunner


class CannotRunError(UnusableError):
    """The store or the device cannot be used: no other environment would help (exit 3)."""


@dataclass
class Trial:
    """What came out in one environment: `held` of `decided` runs; `reason` where it was skipped."""

    environment: str | None
    release: str
    day: date | None
    outcome: Outcome
    runs: list[str] = field(default_factory=list)
    held: int = 0
    decided: int = 0
    reason: str = ""
    # How many of the runs were trained now; the others were in the store.
    trained: int = 0


class Trials:
    """Tries environments one after another, with the same scenario, seeds and options."""

    def __init__(
        self, store: Store, options: RunOptions, claim: str | None, command: list[str], say: Callable[[str], None]
    ) -> None:
        self._store = store
        self._options = options
        self._claim = claim
        self._command = command
        self._say = say
        self._runner: LocalRunner | None = None
        self.is_stopping = False

    def stop(self) -> None:
        """End early: the run keeps a checkpoint. Called by a signal's handler."""
        self.is_stopping = True
        if self._runner is not None:
            self._runner.stop()

    def make(self, wanted: RequirementList, python: str | None = None, as_of: date | None = None) -> Environment:
        """Return the environment of a list, made if need be: with that Python if it can be had, else with another."""
        try:
            return make(wanted, python=python, as_of=as_of, say=self._say)
        except (DiskFullError, UnreachableError):
            raise
        except ReproError:
            if python is None:
                raise
            return make(wanted, as_of=as_of, say=self._say)

    def try_list(
        self, wanted: RequirementList, release: str, day: date | None, python: str | None, as_of: date | None = None
    ) -> Trial:
        """Make the environment and try it; one that cannot be had is skipped with its reason."""
        try:
            return self.try_environment(self.make(wanted, python, as_of), release, day)
        except (CannotRunError, DiskFullError, UnreachableError, EndedEarlyError):
            raise
        except (InputError, UnusableError) as error:
            self._end_if_stopping()
            return Trial(None, release, day, "skipped", reason=one_line(error, 300))

    def plans(self, environment: Environment) -> list[Plan]:
        """Return the runs of the scenario there; ReproError where it cannot be run in that environment."""
        options = dataclasses.replace(self._options, environments=(environment.name,))
        return make_plans(options, command=self._command)

    def try_environment(self, environment: Environment, release: str, day: date | None) -> Trial:
        """Run the scenario there with all seeds; ReproError where it cannot be run at all, or was ended early."""
        jobs = [Job(plan) for plan in self.plans(environment)]
        self._run(jobs, f"{release} in {environment.name}")
        trial = Trial(environment.name, release, day, "skipped")
        unknown: list[str] = []
        for job in jobs:
            if job.run is not None:
                trial.runs.append(job.run.id)
            trial.trained += job.how in ("trained", "resumed")
            outcome = None if job.result is None else self._outcome(job.result)
            if outcome is None:
                unknown.append(job.reason if job.result is None else "the claim is not decided there")
            else:
                trial.decided += 1
                trial.held += outcome
        if trial.decided and 2 * trial.held != trial.decided:
            trial.outcome = "held" if 2 * trial.held > trial.decided else "failed"
        else:
            flips = f"it held with {trial.held} of {trial.decided} seeds"
            trial.reason = flips if trial.decided else one_line(unknown[0], 300)
        return trial

    def _run(self, jobs: list[Job], what: str) -> None:
        left = [job for job in jobs if not job.keep(self._store)]
        if not left:
            return
        self._say(f"training {what}")
        self._runner = LocalRunner(self._store, 1)
        if not self.is_stopping:
            for _ in self._runner.run(left):
                pass
        self._end_if_stopping()
        for job in left:
            if job.code is None:
                job.conclude()
            if job.run is not None and job.run.state() in ("stopped", "interrupted"):
                raise EndedEarlyError(f"the run {job.run.id} was {job.run.state()}", do="the same command continues it")
            if job.code == ExitCode.UNUSABLE:
                raise CannotRunError(f"the run of {what} is not possible ({job.reason})", do="see repro doctor")

    def _end_if_stopping(self) -> None:
        if self.is_stopping:
            raise EndedEarlyError("stopped", do="the same command continues: finished runs count")

    def _outcome(self, result: Result) -> bool | None:
        """Return whether the claim held; without a claim whether all did; None where that is not decided."""
        if self._claim is None:
            return None if result.verdict == "INCONCLUSIVE" else result.verdict == "REPRODUCED"
        claim_outcome = next((claim.outcome for claim in result.claims if claim.id == self._claim), "unknown")
        return None if claim_outcome in ("unknown", "skipped") else claim_outcome == "held"
