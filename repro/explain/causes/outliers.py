"""outliers: a few samples, or steps, whose statistics are far from all others pollute the moving averages."""

from __future__ import annotations

from repro.explain.causes.evidence import Evidence, Spike, Trial
from repro.explain.causes.finding import (
    CONSISTENT,
    ONE_PASS,
    PROVED,
    RE_ESTIMATED,
    Finding,
    advice,
    numbers,
    rows,
)
from repro.explain.causes.not_converged import initial_matters
from repro.explain.criteria import FAR_VALUE_DEVIATIONS, OUTLIER_VARIANCE, OUTLYING_SHARE


def find_proved(evidence: Evidence) -> Finding | None:
    """Return the finding if re-estimated statistics are right without one sample, and wrong with it."""
    spike, without, estimated = _evidence(evidence)
    if spike is None or not evidence.works(without) or evidence.works(estimated):
        return None
    return _finding(evidence, spike, without, estimated, is_proved=True)


def find_consistent(evidence: Evidence) -> Finding | None:
    """Return the finding if one batch stands out, and samples or values far out may account for it."""
    spike, without, estimated = _evidence(evidence)
    if spike is None or initial_matters(evidence) or (without is not None and not evidence.works(without)):
        return None
    far = evidence.inputs.farthest_deviations
    has_far_value = far is not None and far >= FAR_VALUE_DEVIATIONS
    if not (spike.samples_far_out or has_far_value):
        return None
    return _finding(evidence, spike, without, estimated, is_proved=False, far=far if has_far_value else None)


def _evidence(evidence: Evidence) -> tuple[Spike | None, Trial | None, Trial | None]:
    """The batch that stands out, and the trials with statistics re-estimated without a sample, and with all."""
    spike = evidence.spike
    if spike is not None and not spike.ratio >= OUTLIER_VARIANCE:  # not a number, too
        spike = None
    if spike is not None and (spike.share or 0.0) > OUTLYING_SHARE:
        spike = None
    without = next((trial for trial in evidence.trials_of("re-estimated") if trial.without), None)
    return spike, without, evidence.re_estimated(is_larger=False) or evidence.re_estimated()


def _finding(
    evidence: Evidence,
    spike: Spike,
    without: Trial | None,
    estimated: Trial | None,
    *,
    is_proved: bool,
    far: float | None = None,
) -> Finding:
    where = f"in {spike.layer} one batch has {spike.ratio:.0f} times the variance of the median batch"
    if spike.step is not None:
        times = f"{spike.ratio:.0f} times that of the steps around it"
        where = f"at step {spike.step} the variance in {spike.layer} was {times}"
    names = ", ".join([spike.sample] if is_proved and spike.sample else spike.samples_far_out[:5])
    says = f"moving statistics are polluted by outliers: {where}"
    if names:
        says += f"; it rests on {names}"
    if far is not None:
        says += f", and the data has values {far:.0f} deviations from the mean"
    figures = numbers(
        evidence,
        PROVED if is_proved else CONSISTENT,
        variance_ratio=spike.ratio,
        step=spike.step,
        layer=spike.layer,
        images=names or None,
        farthest_value=far,
        **spike.sample_figures,
    )
    left_out = f"{RE_ESTIMATED} without {without.without}" if without is not None else ""
    made = rows(evidence, (left_out, without), (RE_ESTIMATED, estimated))
    take_out = f"take {names or 'the outliers'} out of the data{'' if names else ', or clip them'}"
    remedies = {RE_ESTIMATED: ONE_PASS, left_out: f"{take_out} and re-estimate the statistics"}
    remedy = advice(made, remedies, f"{take_out} and train again")
    return Finding("outliers", f"{says}; {evidence.phases}", figures, remedy, made)
