"""Causes that lie in training itself: figures that are not finite, a loss that does not move, an output that cannot."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from repro.base.text import percent, rounded
from repro.explain.causes.case import CONSISTENT, PROVED, Case, RecordedFinding
from repro.explain.criteria import has_learned
from repro.runs import recorded_values

FLAT = 0.02  # a loss that falls by less than 2 % has not moved
FEWEST_STEPS = 20
FEWEST_STEPS_UNEXPLAINED = 200  # slow starts look like this: a convolutional network on 2000 images, two epochs
NO_CHANGE = 1e-7  # float32: a smaller change of a weight is none
WILD_CHANGE = 0.5
PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")


def non_finite(case: Case) -> list[RecordedFinding]:
    """Return where the first value that is not finite was seen."""
    recording = case.recording
    events = [recording.not_finite[what] for what in ("loss", "weights", "output") if what in recording.not_finite]
    if not events:
        return []
    first = min(events, key=lambda event: (event.step is None, event.step or 0, event.epoch or 0))
    what = {"loss": "the loss", "weights": "a weight", "output": "the output of a layer"}[first.what]
    when = f"epoch {first.epoch}" + ("" if first.step is None else f", step {first.step}")
    says = f"{what} is not finite from {when} on"
    numbers = case.numbers(PROVED, fit=first.fit, epoch=first.epoch, step=first.step)
    if first.names:
        numbers["variables"] = ", ".join(first.names[:5])
    if first.layer is not None:
        numbers["layer"] = first.layer
        says += f"; the first layer is {first.layer}"
    bad = _bad_data(case)
    if bad is None:
        remedy = "lower the learning rate, or clip gradients; look for logarithms and divisions by zero in the loss"
        return [RecordedFinding("non-finite", says, numbers, remedy)]
    name, count, row = bad
    numbers |= {"not_finite_values": count, "first_bad_row": row}
    says += f"; {name} holds {count} values that are not finite" + ("" if row is None else f", the first in row {row}")
    return [RecordedFinding("non-finite", says, numbers, "take these rows out of the data, or fill the values in")]


def _bad_data(case: Case) -> tuple[str, int, int | None] | None:
    data = case.data
    if data is None:
        return None
    for kind, facts in (("input", data.inputs), ("target", data.targets)):
        for place, one in enumerate(facts or []):
            count = (one.nan or 0) + (one.infinite or 0)
            if count:
                return f"{kind} {one.name or place + 1}", count, one.first_bad_row
    return None


def output_and_loss(case: Case) -> list[RecordedFinding]:
    """Return the finding that last layer, loss and labels do not fit, for a model that has not learned."""
    compiled = case.fit.started.compiled
    if _has_learned(case) or compiled is None or len(case.outputs) != 1:
        return []
    losses, logits = compiled.loss or [], compiled.from_logits or []
    targets = (case.data.targets or []) if case.data is not None else []
    if len(losses) != 1 or len(targets) != 1:
        return []
    output = case.outputs[0]
    for says, remedy in _mismatches(output, losses[0], logits[0] if logits else None, targets[0]):
        numbers = case.numbers(
            PROVED,
            activation=_text(output.get("activation")),
            units=_int(output.get("units")),
            loss=losses[0],
            labels=None if targets[0].labels is None else targets[0].labels.kind,
        )
        return [RecordedFinding("output-and-loss", f"the output does not fit: {says}; {case.phases}", numbers, remedy)]
    return []


def _mismatches(
    output: dict[str, Any], loss: str, from_logits: bool | None, target: recorded_values.Facts
) -> Iterator[tuple[str, str]]:
    """Yield (what is wrong, what to do), what is certain first."""
    activation, units = _text(output.get("activation")), _int(output.get("units"))
    kind = None if target.labels is None else target.labels.kind
    classes = None if target.labels is None else target.labels.classes
    cross_entropy = loss.endswith("crossentropy")
    if units == 1 and activation == "softmax":
        yield "softmax over one unit is always 1", "use sigmoid for one unit, or one unit a class"
    if units == 1 and "categorical" in loss:
        yield f"{loss} over one unit is always 0", "use binary_crossentropy for one unit, or one unit a class"
    if units == 1 and loss == "binary_crossentropy" and kind == "integers" and (classes or 0) > 2:
        yield (
            f"{classes} classes cannot be told by one unit",
            f"use {classes} units and sparse_categorical_crossentropy",
        )
    if cross_entropy and from_logits is False and activation == "linear":
        yield (
            f"{loss} gets values that are no probabilities",
            "set from_logits=True, or give the last layer its activation",
        )
    if cross_entropy and from_logits is True and activation in PROBABILITIES:
        yield f"{activation}, and then again by from_logits=True", "set from_logits=False, or leave the activation out"
    if not cross_entropy and kind == "real":
        yield from _out_of_range(activation, target)


def _out_of_range(activation: str | None, target: recorded_values.Facts) -> Iterator[tuple[str, str]]:
    if target.minimum is None or target.maximum is None:
        return
    low, high = float(target.minimum), float(target.maximum)
    ranges = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}
    if activation in ranges:
        least, most = ranges[activation]
        if low < least or high > most:
            yield f"{activation} cannot give targets from {low:g} to {high:g}", "use no activation in the last layer"


def not_learning(case: Case) -> list[RecordedFinding]:
    """Return why the loss does not move."""
    if _has_learned(case) or case.recording.steps < FEWEST_STEPS or len(case.progress.loss) < 2:
        return []
    losses = [float(loss) for loss in case.progress.loss]
    if not all(map(math.isfinite, (losses[0], losses[-1]))) or min(losses) < losses[0] - FLAT * abs(losses[0]):
        return []
    ended = case.fit.ended
    changed = ended.weights_changed if ended is not None else None
    ratio = case.fit.logs.update_ratio if case.fit.logs is not None else None
    rate = case.fit.logs.learning_rate if case.fit.logs is not None else None
    numbers = case.numbers(
        PROVED,
        first_loss=losses[0],
        last_loss=losses[-1],
        learning_rate=None if rate is None else float(rate),
        update_ratio=None if ratio is None or ratio.median is None else float(ratio.median),
    )
    says = f"the loss does not move: {rounded(losses[0])} in the first epoch, {rounded(losses[-1])} in the last"
    if changed is not None and changed.trainable and len(changed.unchanged or []) == changed.trainable:
        what = f"none of {changed.trainable} trainable variables changed"
        return [RecordedFinding("not-learning", f"{says}; {what}", numbers, "look at the learning rate and the loss")]
    if (constant := _constant_layer(case)) is not None:
        numbers["layer"] = constant
        what = f"{constant} gives the same for every sample: nothing of the input gets through"
        return [RecordedFinding("not-learning", f"{says}; {what}", numbers, "lower the learning rate, or start again")]
    if ratio is not None and ratio.median is not None and float(ratio.median) < NO_CHANGE:
        what = f"a step changes the weights by {float(ratio.median):.1e} of their size only"
        return [RecordedFinding("not-learning", f"{says}; {what}", numbers, "raise the learning rate")]
    if ratio is not None and ratio.median is not None and float(ratio.median) > WILD_CHANGE:
        what = f"a step changes the weights by {percent(float(ratio.median))} of their size"
        return [RecordedFinding("not-learning", f"{says}; {what}", numbers, "lower the learning rate")]
    if case.recording.steps < FEWEST_STEPS_UNEXPLAINED:
        return []
    numbers["confidence"] = CONSISTENT
    remedy = "try other learning rates; check that inputs and labels belong together"
    return [RecordedFinding("not-learning", f"{says}; why cannot be told", numbers, remedy)]


def _constant_layer(case: Case) -> str | None:
    """The first layer all of whose units are constant over the samples, in the inference phase.

    None for a model without a loss of its outputs: what layers add to the loss need not come through that layer.
    """
    phases, compiled = case.layer_phases, case.fit.started.compiled
    if phases is None or (phases.samples or 0) < 2 or compiled is None or not compiled.loss:
        return None
    for layer in phases.layers or []:
        if layer.units and layer.constant_units == layer.units:
            return layer.name
    return None


def _has_learned(case: Case) -> bool:
    """Whether the better phase gets nine of ten samples right; without classes, whether the loss fell by half."""
    quality = case.quality(case.best)
    if quality is None:
        return False
    if case.by_right:
        return has_learned(quality)
    return math.isfinite(quality) and quality < 0.5 * case.first_loss


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _int(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
