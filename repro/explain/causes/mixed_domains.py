"""mixed-domains: kinds of inputs with different statistics share a layer, each normalised by its own in training."""

from __future__ import annotations

from repro.explain.causes.evidence import Evidence, Norm
from repro.explain.causes.finding import (
    CONSISTENT,
    DEBIASED,
    PROVED,
    RE_ESTIMATED,
    Finding,
    numbers,
    rows,
)
from repro.explain.causes.small_batch import larger_batches
from repro.explain.criteria import KINDS_SPREAD, PURE_BATCHES, SMALL_BATCH


def find(evidence: Evidence) -> Finding | None:
    """Return the finding that a layer, or a batch, mixes what training keeps apart."""
    return _shared_layer(evidence) or _kinds_of_batches(evidence)


def _shared_layer(evidence: Evidence) -> Finding | None:
    """A layer is called several times a step; averages over its calls fit none of them."""
    shared = [norm for norm in evidence.norms if (norm.calls or 0) > 1]
    estimated = evidence.re_estimated()
    if not shared or evidence.works(estimated) or evidence.works(evidence.trial("debiased")):
        return None
    apart = max((norm for norm in shared if norm.calls_apart is not None), key=_apart, default=None)
    if apart is None and estimated is None:
        return None
    if apart is not None and _apart(apart) < KINDS_SPREAD:
        return None
    layer = apart or shared[0]
    larger = larger_batches(evidence, 2)
    if any(evidence.is_better(evidence.training, trial.score) for trial in larger):
        return None  # the size of the batch matters, too
    far = "" if apart is None else f", whose inputs lie {_apart(apart):.1f} deviations apart"
    says = (
        f"{layer.name} is called {layer.calls} times in a step{far}: training normalises each call by its own batch, "
        f"inference all of them by one average between them; {evidence.phases}"
    )
    made = rows(evidence, (RE_ESTIMATED, estimated), (DEBIASED, evidence.trial("debiased")))
    figures = numbers(
        evidence,
        PROVED if apart is not None and larger and estimated is not None else CONSISTENT,
        layer=layer.name,
        calls=layer.calls,
        calls_apart=None if apart is None else _apart(apart),
    )
    remedy = (
        "give each input its own BatchNormalization layer, or pass all of them through it as one batch; "
        "no momentum and no number of updates changes this"
    )
    return Finding("mixed-domains", says, figures, remedy, made)


def _apart(norm: Norm) -> float:
    return norm.calls_apart or 0.0


def _kinds_of_batches(evidence: Evidence) -> Finding | None:
    """Batches as they came are answered rightly, and batches that mix them are not."""
    size = evidence.batch_size
    if size is None or evidence.random:
        return None
    mixed = [trial for trial in evidence.trials_of("batch") if (trial.batch_size or 0) >= 2 * size]
    if size <= SMALL_BATCH and (evidence.purity or 0.0) < PURE_BATCHES:
        mixed = []
    mixed += evidence.trials_of("shuffled")
    if not mixed:
        return None
    decisive = max(mixed, key=lambda trial: trial.batch_size or 0)
    purity = evidence.purity
    spread = max((norm.spread or 0.0 for norm in evidence.norms), default=0.0)
    is_pure = purity is not None and purity >= PURE_BATCHES
    if not evidence.is_better(evidence.training, decisive.score) or not (is_pure or spread >= KINDS_SPREAD):
        return None
    why = "each batch holds mostly one class" if is_pure else "batches are of different kinds"
    how = "shuffled batches" if decisive.kind == "shuffled" else f"batches of {decisive.batch_size}, which mix them"
    says = (
        f"{why}, and each is normalised by its own statistics: {evidence.say(evidence.training)} in the batches as "
        f"they came, {evidence.say(decisive.score)} in {how}, and {evidence.say(evidence.inference)} in inference"
    )
    made = rows(evidence, (f"training phase in {how}", decisive))
    figures = numbers(evidence, PROVED, batch_size=size, spread_of_batch_means=spread, purity_above_chance=purity)
    remedy = "shuffle the data, so that each batch holds all kinds; or give each kind its own BatchNormalization layers"
    return Finding("mixed-domains", says, figures, remedy, made)
