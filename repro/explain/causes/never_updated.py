"""never-updated and frozen: moving statistics that training left as they were, or that a later call did not get."""

from __future__ import annotations

from repro.explain.causes.evidence import Evidence, Other
from repro.explain.causes.finding import (
    CONSISTENT,
    ONE_PASS,
    PROVED,
    RE_ESTIMATED,
    Cause,
    Finding,
    advice,
    numbers,
    row,
    rows,
)
from repro.explain.causes.others import compared, numbers_of


def find(evidence: Evidence) -> Finding | None:
    """Return the finding that layers where the phases part kept what they had before training."""
    layers = [norm for norm in evidence.norms if norm.moved is False]
    if evidence.first_apart is None and len(layers) < len(evidence.norms):
        return None  # the others may be what matters
    if not layers or (evidence.first_apart is not None and evidence.first_apart not in {norm.name for norm in layers}):
        return None
    estimated = evidence.re_estimated()
    is_proved = evidence.works(estimated)
    if estimated is not None and not is_proved:
        return None
    if estimated is None and len(layers) < len(evidence.norms):
        return None
    initial = sum(norm.is_initial for norm in layers)
    is_frozen = all(norm.trainable is False for norm in layers)
    what = "their initial values" if initial == len(layers) else "what they were before fit"
    why = "they are frozen (trainable=False)" if is_frozen else "no update reached them"
    says = (
        f"the moving statistics of {len(layers)} of {len(evidence.norms)} layers are {what}: {why}; {evidence.phases}"
    )
    made = rows(evidence, (RE_ESTIMATED, estimated))
    otherwise = "run the updates in each training step"
    if is_frozen:
        otherwise = "do not freeze a layer whose statistics are not those of the data; call it with training=False"
    figures = numbers(
        evidence,
        PROVED if is_proved else CONSISTENT,
        layers=len(layers),
        of_layers=len(evidence.norms),
        initial_layers=initial,
        layer=layers[0].name,
    )
    cause: Cause = "frozen" if is_frozen else "never-updated"
    return Finding(cause, says, figures, advice(made, {RE_ESTIMATED: ONE_PASS}, otherwise), made)


def find_in_call(evidence: Evidence, other: Other) -> Finding | None:
    """Return the finding that a later call used other moving statistics than those that training left."""
    weights = other.weights
    trial = next(other.trials_of("statistics-of-fit"), None)
    if weights is None or not weights.other_moving or not evidence.works(trial, other.score, evidence.inference):
        return None
    assert trial is not None
    is_initial = weights.initial_moving >= weights.other_moving
    what = "the initial ones" if is_initial else "not those that fit left"
    says = (
        f"{other.what} used moving statistics that are {what} ({weights.other_moving} of {weights.moving}), with the "
        f"trained weights: {compared(evidence, other)}"
    )
    made = row(evidence, "the moving statistics that fit left", trial, other.score, evidence.inference)
    figures = numbers_of(
        evidence,
        other,
        PROVED,
        other_statistics=weights.other_moving,
        of_statistics=weights.moving,
        initial_statistics=weights.initial_moving,
    )
    remedy = "copy all weights (get_weights and set_weights, or save and load), not the trainable ones alone"
    return Finding("never-updated", says, figures, f"{remedy}: seen to work on this run", [made])
