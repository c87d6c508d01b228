"""Causes that lie in moving statistics: both phases differ on the very samples of fit, at the same weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.base.text import percent
from repro.explain import sentences
from repro.explain.causes.case import (
    CONSISTENT,
    FEWEST_SAMPLES,
    PROVED,
    Case,
    Cause,
    Figures,
    RecordedFinding,
    TrialRow,
)
from repro.explain.criteria import CONVERGED, OUTLIER_VARIANCE, SMALL_BATCH, updates_needed
from repro.runs import recorded_events as recorded
from repro.runs import recorded_values
from repro.runs.event_base import Number

# Of a variance, in channels that vary so little that initial values of less than `CONVERGED` still matter.
LARGE_SHARE = 0.1
OUTLIER_DEVIATIONS = 8.0  # of a value of the data from its mean
WINDOW_STEPS = 10  # on each side of the step that is looked at
# Batch means of like batches of B samples are spread by 1 / sqrt(B); of kinds of batches by the kinds' own distance.
KINDS_SPREAD = 0.5
PURE_BATCHES = 0.2


def find(case: Case) -> list[RecordedFinding]:
    """Return what the moving statistics, or the statistics of batches, have to do with a difference of phases."""
    if not case.norms:
        return []
    if (small := _small_batch(case)) is not None:
        return [small]
    if not case.is_better(case.training, case.inference):
        return []
    for rule in (_unmoved, _not_converged, _mixed_domains, _outliers, _dropout_before, _stale):
        if (finding := rule(case)) is not None:
            return [finding]
    return []


def _rows(case: Case, *trials: tuple[str, recorded.TrialMade | None]) -> list[TrialRow]:
    return [
        case.row(says, trial, case.inference, case.best, case.samples) for says, trial in trials if trial is not None
    ]


def _advice(rows: list[TrialRow], remedies: dict[str, str], otherwise: str) -> str:
    """What to do: the remedies whose trials worked; `otherwise` if none was tried, or none worked."""
    proven = [remedies[row.says] for row in rows if row.works and row.says in remedies]
    if proven:
        return f"{', or '.join(dict.fromkeys(proven))}: seen to work on this run"
    if any(row.says in remedies for row in rows):
        return f"{otherwise}; but nothing that was tried on this run is enough"
    return otherwise


RE_ESTIMATED = "statistics re-estimated"
DEBIASED = "initial values taken out (debiased)"
ONE_PASS = "re-estimate the statistics after training, in one pass over the training data"


# --- statistics that never moved ---


def _unmoved(case: Case) -> RecordedFinding | None:
    layers = [norm for norm in case.norms if norm.moved is False]
    estimated = case.trial("re-estimated")
    if case.first_apart not in {norm.name for norm in layers}:
        return None
    if not case.works(estimated, case.inference, case.best):
        return None
    initial = sum(norm.initial_at_start is True for norm in layers)
    is_frozen = all(norm.trainable is False for norm in layers)
    what = "their initial values" if initial == len(layers) else "what they were before fit"
    why = "they are frozen (trainable=False)" if is_frozen else "no update reached them"
    says = f"the moving statistics of {len(layers)} of {len(case.norms)} layers are {what}: {why}; {case.phases}"
    rows = _rows(case, (RE_ESTIMATED, estimated))
    remedies = {RE_ESTIMATED: ONE_PASS}
    otherwise = "set trainable before compile" if is_frozen else "run the updates in each training step"
    numbers = case.numbers(PROVED, layers=len(layers), of_layers=len(case.norms), initial_layers=initial)
    cause: Cause = "frozen" if is_frozen else "never-updated"
    return RecordedFinding(cause, says, numbers, _advice(rows, remedies, otherwise), rows)


# --- initial values that still matter ---


def _weight(norm: recorded_values.MovingStatistics) -> float:
    return float(norm.initial_weight if norm.initial_weight is not None else 0.0)


def _share(norm: recorded_values.MovingStatistics) -> float:
    return float(norm.initial_share if norm.initial_share is not None else 0.0)


def initial_matters(case: Case) -> bool:
    """Return whether initial values weigh 1 %, or are a tenth of some channel's variance."""
    return any(_weight(norm) >= CONVERGED or _share(norm) >= LARGE_SHARE for norm in case.moved_norms)


def _not_converged(case: Case) -> RecordedFinding | None:
    if not initial_matters(case):
        return None
    worst = max(case.moved_norms, key=_weight)
    weight, share = _weight(worst), max(map(_share, case.moved_norms))
    own = float(worst.momentum if worst.momentum is not None else math.nan)
    debiased, estimated = case.trial("debiased"), case.trial("re-estimated")
    lower = [
        trial
        for trial in case.momentum_trials()
        if trial.momentum is not None and float(trial.momentum) < own and case.works(trial, case.inference, case.best)
    ]
    highest = max(lower, key=lambda trial: float(trial.momentum or 0.0), default=None)
    is_proved = case.works(debiased, case.inference, case.best)
    if highest is not None and case.is_better(debiased, case.inference):
        is_proved = True  # debiased alone takes part of the difference away, and a lower momentum all of it
    if not is_proved:
        was_tried = debiased is not None or estimated is not None
        if was_tried and (weight < LARGE_SHARE or not case.works(estimated, case.inference, case.best)):
            return None
        if not was_tried and weight < 0.5:
            return None
    updates = round(float(worst.updates or 0.0))
    momentum = f"momentum {float(highest.momentum or 0.0):g}" if highest is not None else ""
    rows = _rows(case, (momentum, highest), (DEBIASED, debiased), (RE_ESTIMATED, estimated))
    statement = sentences.not_converged(updates, own, weight)
    if weight < CONVERGED:
        statement = sentences.not_converged_in_variance(updates, own, share)
    needed = updates_needed(own) if 0.0 < own < 1.0 else None
    numbers = case.numbers(
        PROVED if is_proved else CONSISTENT,
        momentum=own,
        updates=updates,
        initial_weight=weight,
        largest_initial_share_of_variance=share,
        layer=worst.name,
        updates_needed=needed,
    )
    remedies = {momentum: f"set momentum to {momentum.removeprefix('momentum ')} or lower", RE_ESTIMATED: ONE_PASS}
    longer = "" if needed is None else f"train for {needed} updates, or "
    return RecordedFinding(
        "not-converged", f"{statement}; {case.phases}", numbers, _advice(rows, remedies, f"{longer}{ONE_PASS}"), rows
    )


# --- batches ---


def _small_batch(case: Case) -> RecordedFinding | None:
    """The phase of training is another one in larger batches, and there it agrees with inference."""
    size = case.batch_size
    if (
        size is None
        or size > SMALL_BATCH
        or case.samples < FEWEST_SAMPLES
        or not case.differs(case.training, case.inference)
    ):
        return None
    larger = [trial for trial in case.fit.trials_of("batch") if (trial.batch_size or 0) >= 4 * size]
    if not larger or case.stochastic:
        return None
    largest = max(larger, key=lambda trial: trial.batch_size or 0)
    if not (case.differs(largest, case.training) and case.agrees(largest, case.inference)):
        return None
    says = (
        f"the batch of {size} is too small: at the same weights {case.said(case.training)} in batches of {size}, "
        f"{case.said(largest)} in batches of {largest.batch_size} and {case.said(case.inference)} in inference phase; "
        f"what a sample becomes depends on its neighbours"
    )
    spread = max((float(norm.spread) for norm in case.norms if norm.spread is not None), default=None)
    rows = [
        case.row(f"training phase in batches of {trial.batch_size}", trial, case.training, largest, case.samples)
        for trial in sorted(larger, key=lambda trial: trial.batch_size or 0)
    ]
    numbers = case.numbers(PROVED, batch_size=size, spread_of_batch_means=spread)
    remedy = "train with batches of 32, or with GroupNormalization, which needs no batch"
    return RecordedFinding("small-batch", says, numbers, remedy, rows)


def _mixed_domains(case: Case) -> RecordedFinding | None:
    """Batches as they came are answered rightly, and batches that mix them are not."""
    size = case.batch_size
    if size is None or size <= SMALL_BATCH or case.stochastic:
        return None
    mixed = [trial for trial in case.fit.trials_of("batch") if (trial.batch_size or 0) >= 2 * size]
    if not mixed:
        return None
    largest = max(mixed, key=lambda trial: trial.batch_size or 0)
    purity, spread = _purity(case, size), max((float(norm.spread or 0.0) for norm in case.norms), default=0.0)
    is_pure = purity is not None and purity >= PURE_BATCHES
    if not case.is_better(case.training, largest) or not (is_pure or spread >= KINDS_SPREAD):
        return None
    why = "each batch holds mostly one class" if is_pure else "batches are of different kinds"
    says = (
        f"{why}, and each is normalised by its own statistics: {case.said(case.training)} in the batches as they "
        f"came, {case.said(largest)} in batches of {largest.batch_size}, which mix them, and "
        f"{case.said(case.inference)} in inference phase"
    )
    rows = _rows(case, (f"training phase in batches of {largest.batch_size}", largest))
    numbers = case.numbers(PROVED, batch_size=size, spread_of_batch_means=spread, purity_above_chance=purity)
    remedy = "shuffle the data, so that each batch holds all kinds; or give each kind its own BatchNormalization layers"
    return RecordedFinding("mixed-domains", says, numbers, remedy, rows)


def _purity(case: Case, size: int) -> float | None:
    """Mean share of the most frequent class of each batch, above what batches drawn at random would have."""
    labels = None if case.inference is None else case.inference.labels
    if labels is None or len(labels) < 2 * size or max(labels) > 100_000 or min(labels) < 0:
        return None
    table = np.array(labels)
    whole = len(table) // size * size

    def mean_share(rows: NDArray[Any]) -> float:
        return float(np.mean([int(np.max(np.bincount(batch))) / size for batch in rows[:whole].reshape(-1, size)]))

    shuffled = np.random.default_rng(0).permutation(table)
    return mean_share(table) - mean_share(shuffled)


def _outliers(case: Case) -> RecordedFinding | None:
    """Single steps had several times the variance of their neighbours, and the data has values far out."""
    spike = _spike(case)
    deviations = _farthest_value(case)
    if spike is None or deviations is None or deviations < OUTLIER_DEVIATIONS or initial_matters(case):
        return None
    ratio, step, layer = spike
    says = (
        f"moving statistics are polluted by outliers: at step {step} the variance in {layer} was {ratio:.0f} times "
        f"that of the steps around it, and the data has values {deviations:.0f} deviations from the mean; {case.phases}"
    )
    estimated = case.trial("re-estimated")
    rows = _rows(case, (RE_ESTIMATED, estimated))
    numbers = case.numbers(CONSISTENT, variance_ratio=ratio, step=step, layer=layer, farthest_value=deviations)
    remedy = _advice(rows, {RE_ESTIMATED: ONE_PASS}, "take the outliers out of the data, or clip them, and train again")
    return RecordedFinding("outliers", says, numbers, remedy, rows)


def _spike(case: Case) -> tuple[float, int, str] | None:
    """The largest variance of a step against the median of the steps around it: (ratio, step, layer)."""
    table = case.array(f"arrays/fit-{case.fit.number}-variances.npy")
    steps = case.array(f"arrays/fit-{case.fit.number}-steps.npy")
    if table is None or steps is None or table.ndim != 2 or len(table) != len(steps) or len(table) < 2 * WINDOW_STEPS:
        return None
    if table.shape[1] != len(case.norms):
        return None
    values = table.astype(np.float64)
    best: tuple[float, int, str] | None = None
    for place in range(len(values)):
        around = values[max(0, place - WINDOW_STEPS) : place + WINDOW_STEPS + 1]
        median = np.maximum(np.median(around, axis=0), 1e-12)
        ratios = values[place] / median
        layer = int(np.argmax(ratios))
        ratio = float(ratios[layer])
        if math.isfinite(ratio) and ratio >= OUTLIER_VARIANCE and (best is None or ratio > best[0]):
            best = ratio, int(steps[place]), case.norms[layer].name
    return best


def _farthest_value(case: Case) -> float | None:
    """How many deviations the farthest value of the inputs is from their mean."""
    farthest = None
    for facts in (case.data.inputs or []) if case.data is not None else []:
        values = (facts.minimum, facts.maximum, facts.mean, facts.deviation)
        if any(value is None for value in values):
            continue
        low, high, mean, deviation = (float(value) for value in values if value is not None)
        if deviation > 0 and math.isfinite(high - low):
            farthest = max(farthest or 0.0, (high - mean) / deviation, (mean - low) / deviation)
    return farthest


# --- statistics that lag, or were of other activations ---


def _dropout_before(case: Case) -> RecordedFinding | None:
    """Dropout ahead of the layer: its moving variance is that of thinned-out activations, which inference lacks."""
    names = set(case.stochastic)
    order = [str(layer.get("name")) for layer in case.layers]
    first = next((place for place, name in enumerate(order) if name in names), None)
    norms = {norm.name for norm in case.norms}
    if first is None or not any(name in norms for name in order[first + 1 :]):
        return None
    estimated, debiased = case.trial("re-estimated"), case.trial("debiased")
    if not case.works(estimated, case.inference, case.best) or case.is_better(debiased, case.inference):
        return None
    if any(float(norm.remaining.variance or 0.0) > LARGE_SHARE for norm in case.norms if norm.remaining is not None):
        return None
    says = (
        f"{order[first]} comes before BatchNormalization: the moving variance is that of activations with dropout, "
        f"which inference does not have; {case.phases}"
    )
    rows = _rows(case, ("statistics re-estimated without dropout", estimated))
    numbers = case.numbers(PROVED, layer=order[first])
    remedy = f"put dropout after the last BatchNormalization layer, or {ONE_PASS}, without dropout"
    return RecordedFinding("stochastic-layers", says, numbers, remedy, rows)


def _stale(case: Case) -> RecordedFinding | None:
    estimated, debiased = case.trial("re-estimated"), case.trial("debiased")
    if not case.moved_norms or case.is_better(debiased, case.inference):
        return None
    if not case.works(estimated, case.inference, case.best):
        return None
    worst = max(case.moved_norms, key=_weight)
    says = (
        f"moving statistics lag behind the weights: their initial values weigh {percent(_weight(worst))} only, but "
        f"they are not those of the weights that fit left; {case.phases}"
    )
    rows = _rows(case, (RE_ESTIMATED, estimated), (DEBIASED, debiased))
    numbers = case.numbers(PROVED, momentum=_float(worst.momentum), initial_weight=_weight(worst))
    otherwise = "lower the learning rate towards the end, or the momentum"
    return RecordedFinding("stale", says, numbers, _advice(rows, {RE_ESTIMATED: ONE_PASS}, otherwise), rows)


def _float(value: Number | None) -> float | None:
    return None if value is None else float(value)


def unexplained(case: Case) -> RecordedFinding:
    """What can be said of a difference that no rule explains."""
    tried: list[tuple[str, Figures | None]] = [
        (RE_ESTIMATED, case.trial("re-estimated")),
        (DEBIASED, case.trial("debiased")),
    ]
    rows = _rows(case, *((says, trial) for says, trial in tried if isinstance(trial, recorded.TrialMade)))
    says = f"cannot be told: {case.phases}"
    if rows and not any(row.works for row in rows):
        says += ", and other moving statistics do not change that"
    remedy = "look at each layer (repro show --layers): the first one whose phases differ is where to look"
    return RecordedFinding("cannot-be-told", says, case.numbers("cannot be told"), remedy, rows)
