"""non-finite: a value that is not finite, where it was first seen."""

from __future__ import annotations

from repro.explain.causes.evidence import Evidence
from repro.explain.causes.finding import PROVED, Finding, numbers

_WHAT = {
    "loss": "the loss",
    "weights": "a weight",
    "weight": "a weight",
    "data": "the data",
    "output": "the output of a layer",
    "moving_mean": "the moving mean",
    "moving_variance": "the moving variance",
}


def find(evidence: Evidence) -> Finding | None:
    """Return where the first value that is not finite was seen."""
    first = evidence.not_finite
    if first is None:
        return None
    step = "" if first.step is None else f", step {first.step}"
    when = "" if first.epoch is None else f" from epoch {first.epoch}{step} on"
    where = f" of {first.layer}" if first.layer and first.what.startswith("moving") else ""
    says = f"not finite: {_WHAT.get(first.what, first.what)}{where} is not a number or infinite{when}"
    if first.layer and not where:
        says += f"; the first layer is {first.layer}"
    figures = numbers(evidence, PROVED, fit=first.fit, epoch=first.epoch, step=first.step)
    figures["quantity"] = first.what.replace("_", " ")
    if first.layer:
        figures["layer"] = first.layer
    if first.variables:
        figures["variables"] = ", ".join(first.variables[:5])
    if first.data is not None:
        figures |= {"not_finite_values": first.data_count, "first_bad_row": first.data_row}
        row = "" if first.data_row is None else f", the first in row {first.data_row}"
        says += f"; {first.data} holds {first.data_count} values that are not finite{row}"
        return Finding("non-finite", says, figures, "take these rows out of the data, or fill the values in")
    if first.what.startswith("moving"):
        remedy = "keep batches of one sample out of the layer: with one value a channel the variance has no estimate"
        remedy += f"; every answer in inference rests on {first.layer}"
        return Finding("non-finite", says, figures, remedy)
    remedy = "lower the learning rate, or clip gradients; look for logarithms and divisions by zero"
    return Finding("non-finite", says, figures, remedy)
