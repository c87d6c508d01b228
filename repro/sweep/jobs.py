"""One run of a sweep: what is asked, and what has become of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from repro.base.errors import ExitCode, InputError
from repro.runs import reuse
from repro.runs.directory import RunDirectory
from repro.runs.plan import Plan
from repro.runs.records import Result, State
from repro.runs.store import Store

How = Literal["waiting", "kept", "trained", "resumed"]


@dataclass
class Job:
    """A plan and its run. `how`: kept (a finished run was there), trained, or resumed; waiting until then."""

    plan: Plan
    run: RunDirectory | None = None
    how: How = "waiting"
    code: ExitCode | None = None
    reason: str = ""
    result: Result | None = None

    def keep(self, store: Store) -> bool:
        """Take a finished run that the store already has; whether there is one."""
        finished = reuse.find_finished(store, self.plan)
        if finished is None:
            return False
        self.run, self.how = finished, "kept"
        self.conclude()
        return True

    def conclude(self, code: int = int(ExitCode.ENDED_EARLY), reason: str = "") -> None:
        """Read how the run came out; `code` and `reason` hold where it has no result."""
        try:
            self.result = self.run.result() if self.run is not None else None
        except InputError as error:
            reason = str(error)
        if self.result is not None:
            self.code = ExitCode.DONE if self.result.verdict == "REPRODUCED" else ExitCode.NOT_REPRODUCED
            self.reason = ""
        else:
            self.code = ExitCode.UNUSABLE if code == ExitCode.UNUSABLE else ExitCode.ENDED_EARLY
            self.reason = reason or self._why()

    def _why(self) -> str:
        try:
            ended = self.run.progress().ended if self.run is not None else None
        except InputError as error:
            return str(error)
        return f"{ended.state} ({ended.reason})" if ended is not None else "did not finish"

    @property
    def state(self) -> State | Literal["waiting"]:
        """What has become of it so far."""
        if self.result is not None:
            return "finished"
        return self.run.state() if self.run is not None else "waiting"

    @property
    def heading(self) -> str:
        """The run in words."""
        return f"{self.plan.scenario.name} in {self.plan.environment.name}, seed {self.plan.seed}"


class Runner(Protocol):
    """Where the runs of a sweep are made."""

    def run(self, jobs: list[Job]) -> Iterator[Job | None]:
        """Make the runs; yields each job when it ended, and None now and then in between."""

    def stop(self) -> None:
        """End early: start nothing more, let what runs keep a checkpoint. Called by a signal's handler."""
