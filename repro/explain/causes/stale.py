"""stale: the initial values are gone, but the averages reach back to weights that no longer are."""

from __future__ import annotations

from repro.base.text import percent
from repro.explain.causes.evidence import Evidence
from repro.explain.causes.finding import (
    DEBIASED,
    ONE_PASS,
    PROVED,
    RE_ESTIMATED,
    Finding,
    advice,
    numbers,
    rows,
)
from repro.explain.causes.not_converged import momentum_trials, weight
from repro.explain.criteria import CONVERGED


def find(evidence: Evidence) -> Finding | None:
    """Return the finding if re-estimated statistics mend it, and taking out the initial values does not."""
    debiased = evidence.trial("debiased")
    estimated = evidence.re_estimated(random_layers=True, is_larger=False) or evidence.re_estimated()
    if not evidence.moved_norms or not evidence.works(estimated):
        return None
    worst = max(evidence.moved_norms, key=weight)
    if evidence.works(debiased) and worst.from_initial is not False:
        return None
    is_debiased = any(norm.debiased for norm in evidence.norms)
    why = f"their initial values weigh {percent(weight(worst))} only"
    if worst.from_initial is False and weight(worst) >= CONVERGED:
        why = f"what they were before this training weighs {percent(weight(worst))}"
    if is_debiased:
        why = "their initial values are taken out (zero-debiased averages)"
    says = (
        f"moving statistics lag behind the weights: {why}, but they are not those of the weights that fit left; "
        f"{evidence.phases}"
    )
    lower = [
        (f"momentum {trial.momentum:g}", trial)
        for trial in momentum_trials(evidence)
        if evidence.works(trial) and (trial.momentum or 0.0) < (worst.momentum or 0.0)
    ][-1:]
    made = rows(evidence, (RE_ESTIMATED, estimated), (DEBIASED, debiased), *lower)
    figures = numbers(
        evidence,
        PROVED,
        momentum=worst.momentum,
        updates=None if worst.updates is None else round(worst.updates),
        initial_weight=weight(worst),
        moving_to_batch_distance=worst.distance,
    )
    remedies = {RE_ESTIMATED: ONE_PASS} | {says: f"set momentum to {trial.momentum:g}" for says, trial in lower}
    return Finding("stale", says, figures, advice(made, remedies, ONE_PASS), made)
