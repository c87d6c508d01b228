"""batch-dependent: a sample alone is answered otherwise than in a batch, in inference phase."""

from __future__ import annotations

from repro.base.text import percent, rounded
from repro.explain.causes.evidence import Alone, Evidence
from repro.explain.causes.finding import CONSISTENT, PROVED, Finding, numbers
from repro.explain.criteria import ALONE_DISTANCE, GAP, LARGE_SHARE
from repro.runs.verdict import ROUND_OFF

SAME_LOSS = 1e-6  # relative: sums of float32 in another order
REMEDY = "call the layer without training=True, so that it uses its moving statistics in inference phase"


def find(evidence: Evidence) -> Finding | None:
    """Return the finding if another answer was seen in inference phase for samples one at a time."""
    alone = evidence.alone
    if alone is None:
        return _same_phases(evidence)
    if alone.is_drawn or not _matters(alone):
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
    return Finding("batch-dependent", says, figures, REMEDY if alone.is_norm else f"look at what {layer} does")


def _matters(alone: Alone) -> bool:
    if alone.distance_at_layer is not None and alone.distance_at_layer < ALONE_DISTANCE:
        return False
    if alone.changed is not None:
        return alone.changed >= GAP - ROUND_OFF
    return alone.distance is not None and alone.distance >= GAP


def _same_phases(evidence: Evidence) -> Finding | None:
    """Both phases give one loss to the last digits, though the moving statistics are far from the batch's."""
    inference, training = evidence.inference, evidence.in_order or evidence.training
    if inference is None or training is None or inference.loss is None or training.loss is None or evidence.random:
        return None
    far = [norm for norm in evidence.norms if (norm.calls or 0) > 0 and (norm.distance or 0.0) >= LARGE_SHARE]
    if not far or abs(inference.loss - training.loss) > SAME_LOSS * abs(training.loss):
        return None
    says = (
        f"answers depend on the batch: both phases give the loss {rounded(training.loss)}, though the moving "
        f"statistics of {far[0].name} are {percent(far[0].distance or 0.0)} of the way from the batch's; it normalises "
        f"by the batch in inference too"
    )
    figures = numbers(evidence, CONSISTENT, layer=far[0].name, moving_to_batch_distance=far[0].distance)
    return Finding("batch-dependent", says, figures, REMEDY)
