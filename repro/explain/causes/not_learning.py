"""not-learning: the loss does not move."""

from __future__ import annotations

import math
from collections.abc import Sequence

from repro.base.text import percent, rounded
from repro.explain.causes.evidence import Evidence
from repro.explain.causes.finding import CONSISTENT, PROVED, Finding, numbers
from repro.explain.criteria import FEWEST_STEPS, FEWEST_STEPS_UNEXPLAINED, FLAT, NO_CHANGE, WILD_CHANGE, has_learned

# Of all parameters; a head on a base that was trained before is less than the other half.
MOSTLY_FROZEN = 0.5


def find(evidence: Evidence) -> Finding | None:
    """Return why the loss does not move, or that it does not."""
    losses, steps = evidence.losses, evidence.steps
    if is_learned(evidence) or steps.count < FEWEST_STEPS or len(losses) < 2:
        return None
    if not _is_flat(losses) and steps.constant_layer is None:
        return None
    figures = numbers(
        evidence,
        PROVED,
        first_loss=losses[0],
        last_loss=losses[-1],
        learning_rate=steps.learning_rate,
        update_ratio=steps.update_ratio,
    )
    moves = "does not move" if _is_flat(losses) else "does not get where a model that learns gets"
    says = f"the loss {moves}: {rounded(losses[0])} in the first epoch, {rounded(losses[-1])} in the last"
    if steps.learning_rate == 0.0:
        return Finding("not-learning", f"{says}; the learning rate is 0", figures, "raise the learning rate")
    if steps.trainable and steps.unchanged == steps.trainable:
        what = f"none of {steps.trainable} trainable variables changed"
        return Finding("not-learning", f"{says}; {what}", figures, "look at the learning rate and the loss")
    if steps.frozen_share >= MOSTLY_FROZEN:
        figures |= {"confidence": CONSISTENT, "frozen_share_of_parameters": steps.frozen_share}
        what = f"{percent(steps.frozen_share)} of the parameters are in layers that are frozen (trainable=False)"
        return Finding("frozen", f"{says}; {what}", figures, "train those layers, too, or give them trained weights")
    if steps.constant_layer is not None:
        figures["layer"] = steps.constant_layer
        what = f"{steps.constant_layer} gives the same for every sample: nothing of the input gets through"
        return Finding("not-learning", f"{says}; {what}", figures, "lower the learning rate, or start again")
    ratio = steps.update_ratio
    if ratio is not None and ratio < NO_CHANGE:
        what = f"a step changes the weights by {ratio:.1e} of their size only"
        return Finding("not-learning", f"{says}; {what}", figures, "raise the learning rate")
    if ratio is not None and ratio > WILD_CHANGE:
        what = f"a step changes the weights by {percent(ratio)} of their size"
        return Finding("not-learning", f"{says}; {what}", figures, "lower the learning rate")
    if steps.count < FEWEST_STEPS_UNEXPLAINED:
        return None
    figures["confidence"] = CONSISTENT
    remedy = "try other learning rates; check that inputs and labels belong together"
    return Finding("not-learning", f"{says}; why cannot be told", figures, remedy)


def _is_flat(losses: Sequence[float]) -> bool:
    """Whether no epoch's loss is below that of the first by more than noise."""
    if not all(map(math.isfinite, (losses[0], losses[-1]))):
        return False
    return min(losses) >= losses[0] - FLAT * abs(losses[0])


def is_learned(evidence: Evidence) -> bool:
    """Return whether the better phase gets nine of ten right; without classes, whether the loss fell by half."""
    quality = evidence.quality(evidence.best)
    if quality is None:
        return False
    if evidence.by_right:
        return has_learned(quality)
    return math.isfinite(quality) and quality < 0.5 * evidence.first_loss
