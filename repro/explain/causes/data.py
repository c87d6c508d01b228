"""Causes that lie in other data: validation, and the program's own calls of evaluate and predict after training."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from repro.base.text import percent
from repro.explain.causes.case import (
    CONSISTENT,
    FEWEST_SAMPLES,
    PROVED,
    Case,
    RecordedFinding,
    TrialRow,
)
from repro.explain.criteria import GAP
from repro.runs import recorded_events as recorded
from repro.runs import recorded_values
from repro.runs.verdict import ROUND_OFF

INPUT_TRIALS = ("scale", "channels", "affine", "inverted")
# Of samples a class, below which some renaming of classes always looks good.
SAMPLES_A_CLASS = 4
OTHER_MEAN_DEVIATIONS = 1.0
OTHER_SPREAD = 2.0


@dataclass(frozen=True)
class Other:
    """Samples that were not trained on: of a call, or the validation data."""

    what: str
    which: recorded_values.SampleSet
    call: int | None
    measured: recorded.Measured
    data: recorded_values.Data | None
    observed: recorded.CallObserved | None = None

    @property
    def samples(self) -> int:
        """How many were measured."""
        return self.measured.samples or 0


def others(case: Case) -> Iterator[Other]:
    """Yield the program's calls whose samples were measured, then the validation data."""
    for observed in case.fit.calls:
        measured = case.fit.figures("inference", "call", call=observed.call)
        if measured is not None:
            model = "" if observed.model == "this" else f" of {observed.model_name or 'another model'}"
            yield Other(f"{observed.kind}{model}", "call", observed.call, measured, observed.data, observed)
    measured = case.fit.figures("inference", "validation")
    if measured is not None:
        yield Other("validation", "validation", None, measured, case.validation_data)


def find(case: Case) -> list[RecordedFinding]:
    """Return why other samples are answered worse than those of fit, each cause once."""
    findings: dict[str, RecordedFinding] = {}
    for other in others(case):
        if not case.is_better(case.inference, other.measured) or other.samples < FEWEST_SAMPLES:
            continue
        for rule in (_other_statistics, _other_weights, _other_inputs, _renamed, _unseen, _overfitting):
            if (finding := rule(case, other)) is not None:
                findings.setdefault(finding.cause, finding)
                break
    return list(findings.values())


def _numbers(
    case: Case, other: Other, confidence: str, **more: float | int | str | None
) -> dict[str, float | int | str | None]:
    kind = "accuracy" if case.by_right else "loss"
    return case.numbers(confidence, where=other.what, samples=other.samples) | {
        f"there_{kind}": case.quality(other.measured),
        **more,
    }


def _row(case: Case, other: Other, says: str, trial: recorded.TrialMade) -> TrialRow:
    return case.row(says, trial, other.measured, case.inference, other.samples)


def _compared(case: Case, other: Other) -> str:
    return f"{case.said(other.measured)} in {other.what}, {case.said(case.inference)} on the samples of fit"


# --- another state of the model ---


def _other_statistics(case: Case, other: Other) -> RecordedFinding | None:
    weights = other.observed.weights if other.observed is not None else None
    if weights is None or weights.moving.equal == weights.moving.of:
        return None
    trial = case.trial("statistics-of-fit", "call", other.call)
    if trial is None or not case.works(trial, other.measured, case.inference):
        return None
    count, of, initial = weights.moving.of - weights.moving.equal, weights.moving.of, weights.moving.initial or 0
    what = "the initial ones" if initial >= count else "not those that fit left"
    says = (
        f"{other.what} used moving statistics that are {what} ({count} of {of}), with the trained weights: "
        f"{_compared(case, other)}"
    )
    says_trial = "the moving statistics that fit left"
    numbers = _numbers(case, other, PROVED, other_statistics=count, of_statistics=of, initial_statistics=initial)
    remedy = "copy all weights (get_weights and set_weights, or save and load), not the trainable ones alone"
    rows = [_row(case, other, says_trial, trial)]
    return RecordedFinding("never-updated", says, numbers, f"{remedy}: seen to work on this run", rows)


def _other_weights(case: Case, other: Other) -> RecordedFinding | None:
    weights = other.observed.weights if other.observed is not None else None
    if weights is None or weights.equal:
        return None
    count, of = weights.trainable.of - weights.trainable.equal, weights.trainable.of
    what = f"{other.what} used other weights than fit left ({count} of {of} variables)"
    says = f"cannot be told: {what}; {_compared(case, other)}"
    numbers = _numbers(case, other, "cannot be told", other_weights=count, of_weights=of)
    return RecordedFinding("cannot-be-told", says, numbers, "compare it with the model whose fit is recorded here")


# --- other inputs ---


def _other_inputs(case: Case, other: Other) -> RecordedFinding | None:
    working = [
        trial
        for kind in INPUT_TRIALS
        for trial in case.fit.trials_of(kind, other.which, other.call)
        if case.works(trial, other.measured, case.inference)
    ]
    if not working or not (_facts_differ(case, other) or working[0].kind in ("channels", "inverted")):
        return None
    means = _means(case, other)
    rows = [_row(case, other, _change(trial), trial) for trial in working[:3]]
    with_change = f"{case.said(working[0])} with {_change(working[0])}"
    says = f"other preprocessing than in fit: {_compared(case, other)}, and {with_change}"
    numbers = _numbers(case, other, PROVED, **means)
    remedy = f"prepare these samples by the same code as those of fit ({_change(working[0])}: seen to work on this run)"
    return RecordedFinding("preprocessing", says, numbers, remedy, rows)


def _change(trial: recorded.TrialMade) -> str:
    """What a trial did to the inputs."""
    match trial.kind:
        case "channels":
            return "its channels in reverse order"
        case "inverted":
            return "its values inverted"
        case "affine":
            return "each channel brought to the mean and deviation that it had in fit"
    factor, offset = (trial.parameter or {}).get("factor"), (trial.parameter or {}).get("offset")
    if not isinstance(factor, int | float):
        return "its values scaled"
    words = f"its values times {factor:.4g}" if factor >= 1 else f"its values divided by {1 / factor:.4g}"
    return f"{words} {'plus' if offset > 0 else 'minus'} {abs(offset):g}" if isinstance(offset, int | float) else words


def _facts(data: recorded_values.Data | None) -> recorded_values.Facts | None:
    return data.inputs[0] if data is not None and data.inputs else None


def _facts_differ(case: Case, other: Other) -> bool:
    """Whether the inputs have another mean or another spread than those of fit."""
    here, there = _facts(case.data), _facts(other.data)
    if here is None or there is None or None in (here.mean, here.deviation, there.mean, there.deviation):
        return False
    deviation, other_deviation = float(here.deviation or 0.0), float(there.deviation or 0.0)
    if not deviation or not math.isfinite(deviation):
        return False
    shift = abs(float(here.mean or 0.0) - float(there.mean or 0.0)) / deviation
    ratio = max(deviation, other_deviation) / max(min(deviation, other_deviation), 1e-12)
    return shift >= OTHER_MEAN_DEVIATIONS or ratio >= OTHER_SPREAD


def _means(case: Case, other: Other) -> dict[str, float | None]:
    named: dict[str, float | None] = {}
    for prefix, facts in (("fit", _facts(case.data)), ("there", _facts(other.data))):
        for name in ("mean", "deviation"):
            value = None if facts is None else getattr(facts, name)
            named[f"{prefix}_input_{name}"] = None if value is None else float(value)
    return named


# --- labels ---


def _renamed(case: Case, other: Other) -> RecordedFinding | None:
    trial = case.trial("permutation", other.which, other.call)
    to = (trial.parameter or {}).get("to") if trial is not None else None
    if trial is None or not isinstance(to, list) or other.samples < SAMPLES_A_CLASS * len(to):
        return None
    if not case.works(trial, other.measured, case.inference):
        return None
    moved = [f"{place} means {label}" for place, label in enumerate(to) if place != label]
    names = ", ".join(moved[:6])
    says = (
        f"the classes are in another order than in fit: {_compared(case, other)}, and {case.said(trial)} where {names}"
    )
    numbers = _numbers(case, other, PROVED, classes=len(to), renamed_classes=len(moved))
    remedy = f"make the labels by the same list of classes as in fit ({names})"
    return RecordedFinding("label-order", says, numbers, remedy, [_row(case, other, "classes renamed", trial)])


def shuffled_rows(case: Case) -> list[RecordedFinding]:
    """Return the finding that predict was given a source whose rows come in another order on every pass."""
    for observed in case.fit.calls:
        if not observed.kind.startswith("predict"):
            continue
        for order in observed.orders or []:
            same_rows = order.same_source and order.common == order.rows and order.rows >= FEWEST_SAMPLES
            if same_rows and not order.same_order:
                source = observed.data.source if observed.data is not None else None
                says = (
                    f"{observed.kind} was given a {source or 'source'} whose rows come in another order on every pass: "
                    f"its answers do not belong to labels that were read in another pass; {case.phases}"
                )
                numbers = case.numbers(PROVED, rows=order.rows, source=source)
                remedy = "predict from a source that does not shuffle, or take labels and answers from one pass"
                return [RecordedFinding("label-order", says, numbers, remedy)]
    return []


def _classes(data: recorded_values.Data | None) -> dict[str, int] | None:
    """Rows of each class of the only target; None if that is not known."""
    targets = data.targets if data is not None else None
    if targets is None or len(targets) != 1 or targets[0].labels is None:
        return None
    return targets[0].labels.counts


def _unseen(case: Case, other: Other) -> RecordedFinding | None:
    seen, there = _classes(case.data), _classes(other.data)
    if not seen or not there or case.data is None or case.data.complete is False:
        return None
    unseen = {name: count for name, count in there.items() if count and not seen.get(name)}
    share = sum(unseen.values()) / max(1, sum(there.values()))
    if not unseen or share < GAP - ROUND_OFF:
        return None
    names = ", ".join(list(unseen)[:6])
    says = (
        f"{other.what} has classes that fit never saw ({names}; {percent(share)} of its samples): "
        f"{_compared(case, other)}"
    )
    numbers = _numbers(case, other, PROVED, unseen_classes=names, unseen_share=share)
    remedy = "shuffle before the data is split (validation_split takes the last rows), so that both have all classes"
    return RecordedFinding("unseen-classes", says, numbers, remedy)


# --- what was learned by heart ---


def _overfitting(case: Case, other: Other) -> RecordedFinding | None:
    if other.observed is not None and any(order.common for order in other.observed.orders or []):
        return None  # samples of fit are among them: whatever it is, it was not learned by heart
    if _facts_differ(case, other) or not _is_beyond_chance(case, other):
        return None
    says = (
        f"overfitting: {_compared(case, other)}; both phases agree on the samples of fit, and no change of the inputs "
        f"that was tried helps"
    )
    remedy = "more or augmented data, a smaller model, fewer epochs; momentum and statistics change nothing"
    return RecordedFinding("overfitting", says, _numbers(case, other, CONSISTENT), remedy)


def _is_beyond_chance(case: Case, other: Other) -> bool:
    """Whether the difference is more than two standard errors of both shares; losses have passed a sterner test."""
    inference, there = case.quality(case.inference), case.quality(other.measured)
    if not case.by_right or inference is None or there is None:
        return True
    variance = inference * (1 - inference) / max(1, case.samples) + there * (1 - there) / max(1, other.samples)
    return inference - there >= 2 * math.sqrt(variance) - ROUND_OFF
