"""not-converged: the initial values of the moving statistics still matter."""

from __future__ import annotations

import math

from repro.explain import sentences
from repro.explain.causes.evidence import Evidence, Norm, Trial
from repro.explain.causes.finding import (
    CONSISTENT,
    DEBIASED,
    ONE_PASS,
    PROVED,
    RE_ESTIMATED,
    Finding,
    Numbers,
    advice,
    numbers,
    rows,
)
from repro.explain.criteria import CONVERGED, KINDS_SPREAD, LARGE_SHARE, updates_needed

# Without a trial: the initial values weigh this much, or less and the layers stand as far off as that explains.
PRESUMED_WEIGHT = 0.5
EXPLAINED_WEIGHT = 0.05


def weight(norm: Norm) -> float:
    """Return what the initial values weigh in a layer's averages; 0 if that is not known."""
    return norm.initial_weight if norm.initial_weight is not None else 0.0


def initial_matters(evidence: Evidence) -> bool:
    """Return whether initial values weigh 1 %, or are a tenth of some channel's variance."""
    return any(
        norm.from_initial is not False and (weight(norm) >= CONVERGED or (norm.initial_share or 0.0) >= LARGE_SHARE)
        for norm in evidence.moved_norms
    )


def find(evidence: Evidence) -> Finding | None:
    """Return the finding if taking out the initial values was seen to help, or nothing else can be presumed."""
    if not initial_matters(evidence):
        return None
    worst = max(evidence.moved_norms, key=weight)
    share = max(norm.initial_share or 0.0 for norm in evidence.moved_norms)
    own = worst.momentum if worst.momentum is not None else math.nan
    debiased, estimated = evidence.trial("debiased"), evidence.re_estimated()
    lower = _highest_lower_momentum(evidence, own)
    # Debiased alone may take part of the difference away, and a lower momentum all of it.
    is_proved = evidence.works(debiased) or (lower is not None and evidence.improves(debiased))
    if not is_proved and not _may_be_presumed(evidence, worst, debiased, estimated):
        return None
    updates = round(worst.updates or 0.0)
    needed = updates_needed(own) if own >= 0.0 else None
    figures = numbers(
        evidence,
        PROVED if is_proved else CONSISTENT,
        momentum=own,
        updates=updates,
        initial_weight=weight(worst),
        largest_initial_share_of_variance=share or None,
        moving_to_batch_distance=worst.distance,
        layer=worst.name,
        updates_needed=needed,
    )
    statement = sentences.not_converged(updates, own, weight(worst))
    if weight(worst) < CONVERGED:
        statement = sentences.not_converged_in_variance(updates, own, share)
    when = "they never get there" if needed is None else f"after {needed} updates it would be less than 1 %"
    if weight(worst) >= CONVERGED:
        statement = f"{statement}; {when}"
    return _finding(evidence, f"{statement}; {evidence.phases}", figures, lower)


def _finding(evidence: Evidence, says: str, figures: Numbers, lower: Trial | None) -> Finding:
    updates = int(figures["updates"] or 0)
    momentum = "" if lower is None else f"momentum {lower.momentum:g}"
    advised = "" if lower is None else f"set momentum to {lower.momentum:g} or lower"
    if lower is None and updates:
        value = math.floor(CONVERGED ** (1 / updates) * 100) / 100
        figures["lower_momentum"] = value
        advised = f"set momentum to {value:g} or lower"
    estimated = evidence.re_estimated()
    made = rows(evidence, (momentum, lower), (DEBIASED, evidence.trial("debiased")), (RE_ESTIMATED, estimated))
    needed = figures["updates_needed"]
    choices = []
    if needed is not None and float(figures["initial_weight"] or 0.0) >= CONVERGED:
        choices.append(f"train for {needed} updates")
    choices += [advised] if advised else []
    if estimated is None or evidence.works(estimated):
        choices.append(ONE_PASS)
    remedies = {momentum: advised, RE_ESTIMATED: ONE_PASS}
    otherwise = ", or ".join(choices) or "train with more updates"
    return Finding("not-converged", says, figures, advice(made, remedies, otherwise), made)


def _may_be_presumed(evidence: Evidence, worst: Norm, debiased: Trial | None, estimated: Trial | None) -> bool:
    """Whether the initial values weigh so much that they matter, though no trial has shown it."""
    if debiased is not None or estimated is not None:
        return weight(worst) >= LARGE_SHARE and evidence.works(estimated)
    if any((norm.calls_apart or 0.0) >= KINDS_SPREAD for norm in evidence.norms):
        return False
    if weight(worst) >= PRESUMED_WEIGHT:
        return True
    is_explained = worst.distance is not None and worst.distance <= 2 * weight(worst)
    return weight(worst) >= EXPLAINED_WEIGHT and is_explained


def _highest_lower_momentum(evidence: Evidence, own: float) -> Trial | None:
    """The trial at the highest momentum below the layers' own that works."""
    working = [
        trial
        for trial in momentum_trials(evidence)
        if trial.momentum is not None and trial.momentum < own and evidence.works(trial)
    ]
    return max(working, key=lambda trial: trial.momentum or 0.0, default=None)


def momentum_trials(evidence: Evidence) -> list[Trial]:
    """Return replays at other momenta; none if the replay at the layers' own is not what was measured."""
    replayed = evidence.trial("own-momentum")
    if replayed is not None and not evidence.agrees(replayed.score, evidence.inference):
        return []
    return list(evidence.trials_of("momentum"))
