"""stochastic-layers: dropout and the like lower what fit reports, or shift the variance of later layers."""

from __future__ import annotations

from repro.explain.causes.evidence import Evidence
from repro.explain.causes.finding import (
    DEBIASED,
    ONE_PASS,
    PROVED,
    RE_ESTIMATED,
    Finding,
    numbers,
    row,
    rows,
)
from repro.explain.criteria import GAP, LARGE_SHARE
from repro.runs.verdict import ROUND_OFF

QUIET = "statistics re-estimated without random layers"


def find_variance_shift(evidence: Evidence) -> Finding | None:
    """Return the finding that statistics of activations with dropout do not fit inference, which has none."""
    ahead = _ahead_of_norm(evidence)
    quiet, loud = evidence.re_estimated(random_layers=False), evidence.re_estimated(random_layers=True)
    debiased = evidence.trial("debiased")
    if ahead is None or not evidence.works(quiet) or evidence.improves(debiased):
        return None
    if loud is not None and evidence.works(loud):
        return None
    if loud is None and any((norm.variance_left or 0.0) > LARGE_SHARE for norm in evidence.norms):
        return None  # they may lag behind as well
    says = (
        f"{ahead} comes before BatchNormalization: the moving variance is that of activations with dropout, which "
        f"inference does not have; {evidence.phases}"
    )
    made = rows(evidence, (QUIET, quiet), (RE_ESTIMATED, loud), (DEBIASED, debiased))
    remedy = (
        f"put dropout after the last BatchNormalization layer, or {ONE_PASS}, without dropout: seen to work on this run"
    )
    return Finding("stochastic-layers", says, numbers(evidence, PROVED, layer=ahead), remedy, made)


def find_in_inference(evidence: Evidence) -> Finding | None:
    """Return the finding that a layer draws random numbers in inference phase, so that answers change by chance."""
    name, alone = evidence.drawing, evidence.alone
    if name is None or alone is None or alone.changed is None or alone.changed < GAP - ROUND_OFF:
        return None
    says = (
        f"{name} draws random numbers in inference phase, too: asked again, {round(alone.changed * alone.samples)} of "
        f"{alone.samples} samples get another class; {evidence.phases}"
    )
    figures = numbers(evidence, PROVED, layer=name, samples_again=alone.samples, changed_answers=alone.changed)
    remedy = f"let {name} draw in training phase only, as keras.layers.Dropout does"
    return Finding("stochastic-layers", says, figures, remedy)


def _ahead_of_norm(evidence: Evidence) -> str | None:
    """The first random layer, if a layer with moving statistics follows it or the order is not known."""
    if not evidence.random:
        return None
    norms = {norm.name for norm in evidence.norms}
    names = set(evidence.random)
    first = next((place for place, name in enumerate(evidence.order) if name in names), None)
    if first is None:
        return evidence.random[0] if norms and not evidence.order else None
    return evidence.order[first] if any(name in norms for name in evidence.order[first + 1 :]) else None


def find_harmless(evidence: Evidence) -> Finding | None:
    """Return the finding that training is worse than inference since those layers are on: no fault."""
    if not evidence.random or not evidence.is_better(evidence.inference, evidence.training):
        return None
    only_random, quiet = evidence.trial("stochastic"), evidence.trial("quiet")
    # Without norms nothing else can differ between the phases.
    score = only_random.score if only_random is not None else None
    is_proved = not evidence.norms or (
        evidence.is_better(evidence.inference, score) and evidence.agrees(score, evidence.training)
    )
    if quiet is not None and evidence.is_better(quiet.score, evidence.training):
        is_proved = True
    if not is_proved:
        return None
    names = ", ".join(evidence.random[:3])
    says = (
        f"no fault: {names} {'is' if len(evidence.random) == 1 else 'are'} on in training only, so that what fit "
        f"reports is worse than what the model can do; {evidence.phases}"
    )
    made = []
    if only_random is not None:
        made.append(row(evidence, "only those layers in training phase", only_random, None, evidence.inference))
    if quiet is not None:
        made.append(row(evidence, "training phase without those layers", quiet, evidence.training, evidence.inference))
    figures = numbers(evidence, PROVED, layers=", ".join(evidence.random[:10]))
    return Finding("stochastic-layers", says, figures, "nothing to change: evaluate gives the true figure", made)
