"""overfitting: both phases are right on what was learned, other samples are not, and nothing else accounts for it."""

from __future__ import annotations

from repro.explain.causes.evidence import Evidence, Other
from repro.explain.causes.finding import CONSISTENT, PROVED, Finding, row
from repro.explain.causes.others import compared, inputs_differ, numbers_of, standard_errors
from repro.explain.criteria import has_learned


def find(evidence: Evidence, other: Other) -> Finding | None:
    """Return the finding if training samples are right in both phases; call it when all other causes were looked at."""
    if any(order.common for order in other.orders):
        return None  # samples of fit are among them: whatever it is, it was not learned by heart
    if not evidence.agrees(evidence.training, evidence.inference) or inputs_differ(evidence, other):
        return None
    if evidence.by_right and not has_learned(evidence.quality(evidence.inference) or 0.0):
        return None
    says = f"overfitting: {compared(evidence, other)}; both phases agree on the {evidence.samples}"
    tried = [trial for trial in other.trials if trial.kind != "statistics-of-fit"]
    if tried:
        says += ", and no change of the inputs or of the classes' order that was tried helps"
    made = [row(evidence, _name(trial.kind), trial, other.score, evidence.inference) for trial in tried[:4]]
    figures = numbers_of(evidence, other, PROVED if tried else CONSISTENT)
    if evidence.by_right:
        figures["two_standard_errors"] = standard_errors(evidence, other)
    remedy = "more or augmented data, a smaller model, fewer epochs; momentum and statistics change nothing"
    return Finding("overfitting", says, figures, remedy, made)


def _name(kind: str) -> str:
    names = {
        "permutation": "classes renamed",
        "scale": "inputs scaled",
        "channels": "channels in reverse order",
        "affine": "channels brought to fit's mean and deviation",
        "inverted": "values inverted",
    }
    return names.get(kind, kind)
