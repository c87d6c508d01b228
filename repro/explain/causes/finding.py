"""What a diagnosis says: a cause, its figures, what to do about it, and what was tried."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from repro.explain.causes.evidence import Evidence, Score, Trial

Cause = Literal[
    "not-converged",
    "never-updated",
    "stale",
    "outliers",
    "small-batch",
    "mixed-domains",
    "batch-dependent",
    "frozen",
    "stochastic-layers",
    "preprocessing",
    "label-order",
    "unseen-classes",
    "overfitting",
    "output-and-loss",
    "not-learning",
    "non-finite",
    "no-discrepancy",
    "cannot-be-told",
]
PROVED = "proved on this run"
CONSISTENT = "consistent with this run"
CANNOT_BE_TOLD = "cannot be told"

RE_ESTIMATED = "statistics re-estimated"
DEBIASED = "initial values taken out (debiased)"
ONE_PASS = "re-estimate the statistics after training, in one pass over the training data"

Numbers = dict[str, float | int | str | None]


@dataclass(frozen=True)
class TrialRow:
    """What a trial gave, as `repro diagnose --json` prints it; shares are None for outputs that are no classes."""

    says: str
    accuracy: float | None
    right: int | None
    of: int
    before: int | None
    loss: float | None
    loss_before: float | None
    works: bool


@dataclass(frozen=True)
class Finding:
    """One cause with the figures it rests on, what to do, and what the trials gave."""

    cause: Cause
    says: str
    numbers: Numbers
    remedy: str
    trials: list[TrialRow] = field(default_factory=list)

    @property
    def headline(self) -> str:
        """The finding in one line that names its cause."""
        is_named = self.says.startswith(self.cause.replace("-", " "))
        return self.says if is_named else f"{self.cause}: {self.says}"


def numbers(evidence: Evidence, confidence: str, **more: float | int | str | None) -> Numbers:
    """Return a finding's numbers: its confidence, both phases, and `more`."""
    shown: Numbers = {"confidence": confidence}
    kind = "accuracy" if evidence.by_right else "loss"
    phases = {"inference": evidence.inference, "training_phase": evidence.in_order or evidence.training}
    if evidence.in_order is not None:
        phases["shuffled_batches"] = evidence.training
    for name, score in phases.items():
        if score is not None:
            shown[f"{name}_{kind}"] = evidence.quality(score)
    earlier = {f"inference_{kind}_after_epoch_{epoch}": evidence.quality(score) for epoch, score in evidence.earlier}
    return shown | more | earlier


def row(
    evidence: Evidence, says: str, trial: Trial, before: Score | None = None, best: Score | None = None
) -> TrialRow:
    """Return a trial as a row of a finding."""
    first = trial.before or before or evidence.inference
    samples = trial.score.samples or (0 if first is None else first.samples)
    return TrialRow(
        says=says,
        accuracy=trial.score.right,
        right=_count(trial.score, samples),
        of=samples,
        before=None if first is None else _count(first, samples),
        loss=trial.score.loss,
        loss_before=None if first is None else first.loss,
        works=evidence.works(trial, before, best),
    )


def _count(score: Score, samples: int) -> int | None:
    return None if score.right is None else round(score.right * samples)


def rows(evidence: Evidence, *trials: tuple[str, Trial | None]) -> list[TrialRow]:
    """Return those trials that were made as rows."""
    return [row(evidence, says, trial) for says, trial in trials if trial is not None]


def statistics_rows(evidence: Evidence) -> list[TrialRow]:
    """Return the trials with other moving statistics as rows."""
    momenta = sorted(evidence.trials_of("momentum"), key=lambda trial: -(trial.momentum or 0.0))
    return rows(
        evidence,
        *((f"momentum {trial.momentum:g}", trial) for trial in momenta),
        (DEBIASED, evidence.trial("debiased")),
        (RE_ESTIMATED, evidence.re_estimated()),
    )


def advice(made: Sequence[TrialRow], remedies: dict[str, str], otherwise: str) -> str:
    """Return what to do: the remedies whose trials worked; `otherwise` if none was tried, or none worked.

    `remedies`: what to do by the trial's name. Nothing that was tried without success is advised.
    """
    proven = [remedies[trial.says] for trial in made if trial.works and trial.says in remedies]
    if proven:
        return f"{', or '.join(dict.fromkeys(proven))}: seen to work on this run"
    return otherwise


def cannot(evidence: Evidence, says: str, remedy: str, made: Sequence[TrialRow] = ()) -> Finding:
    """Return the finding that the cause cannot be told."""
    figures = numbers(evidence, CANNOT_BE_TOLD)
    return Finding("cannot-be-told", f"cannot be told: {says}", figures, remedy, list(made))
