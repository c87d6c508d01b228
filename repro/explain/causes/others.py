"""What the rules about other samples than those of training share."""

from __future__ import annotations

import math

from repro.explain.causes.evidence import Evidence, Inputs, Other
from repro.explain.causes.finding import Numbers, numbers
from repro.explain.criteria import OTHER_MEAN_DEVIATIONS, OTHER_SPREAD
from repro.runs.verdict import ROUND_OFF


def compared(evidence: Evidence, other: Other) -> str:
    """Return in words how the other samples are answered beside those of training."""
    return f"{evidence.say(other.score)} in {other.what}, {evidence.say(evidence.inference)} on the {evidence.samples}"


def numbers_of(evidence: Evidence, other: Other, confidence: str, **more: float | int | str | None) -> Numbers:
    """Return a finding's numbers with those of the other samples."""
    kind = "accuracy" if evidence.by_right else "loss"
    name = "validation" if other.what == "validation" else "there"
    return numbers(evidence, confidence, where=other.what, samples=other.score.samples) | {
        f"{name}_{kind}": evidence.quality(other.score),
        **more,
    }


def is_worse(evidence: Evidence, other: Other) -> bool:
    """Return whether the other samples are answered worse, by more than noise and two standard errors of the shares."""
    if not evidence.is_better(evidence.inference, other.score):
        return False
    inference, there = evidence.quality(evidence.inference), evidence.quality(other.score)
    if not evidence.by_right or inference is None or there is None or evidence.inference is None:
        return True  # losses have passed a sterner test
    return inference - there >= standard_errors(evidence, other) - ROUND_OFF


def standard_errors(evidence: Evidence, other: Other) -> float:
    """Return two standard errors of the difference of both shares of right answers."""
    terms = [
        (score.right or 0.0) * (1 - (score.right or 0.0)) / max(1, score.samples)
        for score in (evidence.inference, other.score)
        if score is not None
    ]
    return 2 * math.sqrt(sum(terms))


def inputs_differ(evidence: Evidence, other: Other, factor: float = 1.0) -> bool:
    """Return whether a channel has another mean or deviation than in training; `factor` 3: by three times as much."""
    for here, there in zip(evidence.inputs.channels, other.inputs.channels, strict=False):
        if differs(here.mean, here.deviation, there.mean, there.deviation, factor):
            return True
    whole = _whole(evidence.inputs), _whole(other.inputs)
    if None in whole or (evidence.inputs.channels and other.inputs.channels):
        return False
    (mean, deviation), (other_mean, other_deviation) = whole[0] or (0.0, 0.0), whole[1] or (0.0, 0.0)
    return differs(mean, deviation, other_mean, other_deviation, factor)


def differs(mean: float, deviation: float, other_mean: float, other_deviation: float, factor: float = 1.0) -> bool:
    """Return whether one channel's figures differ by more than what images of one kind do."""
    if not deviation or not math.isfinite(deviation):
        return False
    shift = abs(mean - other_mean) / deviation
    ratio = max(deviation, other_deviation) / max(min(deviation, other_deviation), 1e-12)
    return shift >= OTHER_MEAN_DEVIATIONS * factor or ratio >= OTHER_SPREAD**factor


def _whole(inputs: Inputs) -> tuple[float, float] | None:
    if inputs.mean is None or inputs.deviation is None:
        return None
    return inputs.mean, inputs.deviation
