"""batch-dependent: a sample alone is answered otherwise than in a batch, in inference phase."""

from __future__ import annotations

from repro.explain.causes.evidence import Alone, Evidence
from repro.explain.causes.finding import PROVED, Finding, numbers
from repro.explain.criteria import ALONE_DISTANCE, GAP
from repro.runs.verdict import ROUND_OFF


def find(evidence: Evidence) -> Finding | None:
    """Return the finding if another answer was seen in inference phase for samples one at a time."""
    alone = evidence.alone
    if alone is None or alone.is_drawn or not _matters(alone):
        return None
    layer = alone.layer or "a layer"
    why = f"{layer} normalises by the batch in inference phase too" if alone.is_norm else f"at {layer} they part"
    figure = "the outputs differ"
    if alone.changed is not None:
        figure = f"{round(alone.changed * alone.samples)} of {alone.samples} samples are answered otherwise"
    says = f"answers depend on the batch: alone, one at a time, {figure}; {why}"
    figures = numbers(
        evidence,
        PROVED,
        samples_alone=alone.samples,
        changed_answers=alone.changed,
        alone_accuracy=alone.right,
        distance_of_outputs=alone.distance,
        layer=alone.layer,
        distance_at_layer=alone.distance_at_layer,
    )
    remedy = "call the layer without training=True, so that it uses its moving statistics in inference phase"
    return Finding("batch-dependent", says, figures, remedy if alone.is_norm else f"look at what {layer} does")


def _matters(alone: Alone) -> bool:
    if alone.distance_at_layer is not None and alone.distance_at_layer < ALONE_DISTANCE:
        return False
    if alone.changed is not None:
        return alone.changed >= GAP - ROUND_OFF
    return alone.distance is not None and alone.distance >= GAP
