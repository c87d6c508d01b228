"""A run as a row: what lists of runs show on the screen, as text and as JSON.

Nothing here imports the engine's types, which take 80 ms: the first screen shows what the ids say before it reads them.
"""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from repro.base.errors import ReproError
from repro.runs import ids

if TYPE_CHECKING:
    from repro.runs.records import ClaimResult, Result
    from repro.runs.view import RunView

# Said in the place of environment and seed.
OWN_TRAINING = "a program's own training"
ENDED = frozenset({"finished", "failed", "stopped", "interrupted", "damaged"})


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run as a row. What the id does not say has its default until the run is read (state `reading`)."""

    id: str
    # Seconds since the epoch; 0: unknown.
    started: float
    scenario: str
    environment: str
    seed: int
    # The random part of the id, which commands accept; empty if the id has another form.
    short: str
    scenario_sha256: str = ""
    # The one asked for.
    device: str = ""
    state: str = "reading"
    verdict: str | None = None
    degraded: bool = False
    derived_from: str | None = None
    # Only of a finished run.
    claims: tuple[ClaimResult, ...] = ()
    # By stage; `total` only of a finished run.
    stage_seconds: Mapping[str, float] = field(default_factory=dict)
    # Of an unfinished run: the median of its epochs without the first one.
    step_seconds: float | None = None
    epoch: int = 0
    epochs: int = 0
    # Why an unfinished run ended, or what is damaged.
    reason: str | None = None
    fit_accuracy: float | None = None
    predict_accuracy: float | None = None

    @classmethod
    def from_id(cls, run_id: str, environments: Sequence[str] = ()) -> Self:
        """Return what the name of the run's directory says. `environments`: the names to look for in it."""
        match = ids.PATTERN.match(run_id)
        with contextlib.suppress(ValueError):
            if match is not None:
                started = datetime.fromisoformat(match[1]).timestamp()
                scenario, environment = match[2], ""
                for name in sorted([*environments, ids.RECORDED], key=len, reverse=True):
                    if match[2].endswith(f"-{name}"):
                        scenario, environment = match[2][: -len(name) - 1], name
                        break
                return cls(run_id, started, scenario, environment, int(match[3]), match[4])
        return cls(run_id, 0.0, run_id, "", 0, "")

    @property
    def seconds(self) -> float | None:
        """How long a finished run took; None for any other."""
        return self.stage_seconds.get("total")

    @property
    def outcome(self) -> str:
        """The verdict of a finished run, else the state; a finished recording claims nothing and is `recorded`."""
        if self.is_recording and self.state == "finished":
            return ids.RECORDED
        return self.verdict or self.state

    @property
    def is_recording(self) -> bool:
        """Whether the user's own program trained."""
        return self.environment == ids.RECORDED

    @property
    def place(self) -> str:
        """Where it trained, in words: environment and seed; a recording has neither."""
        return OWN_TRAINING if self.is_recording else f"{self.environment}  seed {self.seed}"

    @property
    def text(self) -> str:
        """What a filter searches."""
        return f"{self.id} {self.state} {(self.verdict or '').replace('_', ' ').lower()} seed {self.seed}"


def summarise(view: RunView, environments: Sequence[str] = ()) -> RunSummary:
    """Read the row of a run, whatever its state; never raises. `environments`: see `RunSummary.from_id`."""
    try:
        record = view.run.require_own_name(view.record)
        state = _finished(view.result) if view.result is not None else _unfinished(view)
    except (ReproError, OSError) as error:
        return dataclasses.replace(RunSummary.from_id(view.id, environments), state="damaged", reason=str(error))
    return RunSummary(
        id=view.id,
        started=record.started,
        scenario=record.scenario,
        environment=record.environment,
        seed=record.seed,
        short=ids.short_id(view.id),
        scenario_sha256=sys.intern(record.scenario_sha256),
        device=record.device,
        derived_from=record.derived_from,
        **state,
    )


def _finished(result: Result) -> dict[str, Any]:
    losses, accuracies = result.figures.fit.loss, result.figures.fit.accuracy
    return {
        "state": "finished",
        "verdict": result.verdict,
        "degraded": result.degraded,
        "claims": tuple(claim.with_shared_text() for claim in result.claims),
        "stage_seconds": result.seconds,
        "epoch": len(losses),
        "epochs": len(losses),
        "fit_accuracy": float(accuracies[-1]) if accuracies else None,
        "predict_accuracy": result.figures.figure("predict.accuracy"),
    }


def _unfinished(view: RunView) -> dict[str, Any]:
    progress = view.progress
    return {
        "state": view.run.state(progress),
        "stage_seconds": dict(progress.seconds),
        "step_seconds": progress.step_seconds,
        "epoch": progress.epoch,
        "epochs": progress.epochs,
        "fit_accuracy": float(progress.accuracy[-1]) if progress.accuracy else None,
        "reason": progress.ended.reason if progress.ended is not None else None,
    }
