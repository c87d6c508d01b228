"""small-batch: what a sample becomes depends on its few neighbours; larger batches agree with inference."""

from __future__ import annotations

from repro.explain.causes.evidence import Evidence, Score, Trial
from repro.explain.causes.finding import PROVED, Finding, numbers, row
from repro.explain.criteria import ALL_RIGHT, FEWEST_SAMPLES, LARGE_BATCH, PURE_BATCHES, SMALL_BATCH


def find(evidence: Evidence) -> Finding | None:
    """Return the finding if the training phase is another one in larger batches, and agrees with inference there."""
    largest = deciding_trial(evidence)
    if largest is None or is_harmless(evidence):
        return None
    size = evidence.batch_size
    small, large = evidence.say(in_own_batches(evidence)), evidence.say(largest.score)
    says = (
        f"the batch of {size} is too small: at the same weights {small} in batches of {size}, {large} in batches of "
        f"{largest.batch_size} and {evidence.say(evidence.inference)} in inference; what a sample becomes depends on "
        f"its neighbours"
    )
    spread = max((norm.spread for norm in evidence.norms if norm.spread is not None), default=None)
    made = [
        row(
            evidence, f"training phase in batches of {trial.batch_size}", trial, in_own_batches(evidence), largest.score
        )
        for trial in sorted(larger_batches(evidence, 4), key=lambda trial: trial.batch_size or 0)
    ]
    figures = numbers(evidence, PROVED, batch_size=size, spread_of_batch_means=spread)
    remedy = "train with batches of 32, or with GroupNormalization, which needs no batch"
    return Finding("small-batch", says, figures, remedy, made)


def deciding_trial(evidence: Evidence) -> Trial | None:
    """Return the trial in the largest batches if it proves that the batch is too small; else None."""
    size = evidence.batch_size
    if size is None or evidence.inference is None or evidence.inference.samples < FEWEST_SAMPLES:
        return None
    small = in_own_batches(evidence)
    if not evidence.differs(small, evidence.inference) or (evidence.purity or 0.0) >= PURE_BATCHES:
        return None
    largest = max(larger_batches(evidence, 4), key=lambda trial: trial.batch_size or 0, default=None)
    if largest is None or not evidence.differs(largest.score, small):
        return None
    # Where only the batches of training are right they may be of different kinds, unless they are very small.
    most = LARGE_BATCH if evidence.is_better(largest.score, small) else SMALL_BATCH
    if size > most or evidence.works(evidence.re_estimated(is_larger=False)):
        return None  # statistics of these very batches are good enough: those in use lag behind
    if evidence.is_better(small, evidence.inference):
        return None if evidence.is_better(largest.score, evidence.inference) else largest
    return largest if evidence.agrees(largest.score, evidence.inference) else None


def in_own_batches(evidence: Evidence) -> Score | None:
    """Return the training phase in batches of training's size; without random layers, where there are any."""
    if not evidence.random:
        return evidence.training
    own = (trial for trial in larger_batches(evidence, 1) if trial.batch_size == evidence.batch_size)
    return next((trial.score for trial in own), None)


def is_harmless(evidence: Evidence) -> bool:
    """Return whether inference gets all right: then only what training reports is noisy."""
    if not evidence.by_right or evidence.inference is None:
        return False
    return (evidence.inference.right or 0.0) >= ALL_RIGHT


def larger_batches(evidence: Evidence, times: int) -> list[Trial]:
    """Return the trials in training phase, without random layers, in batches so many times as large."""
    size = evidence.batch_size
    if size is None:
        return []
    return [
        trial
        for trial in evidence.trials_of("batch")
        if (trial.batch_size or 0) >= times * size and not (trial.random_layers and evidence.random)
    ]
