"""output-and-loss: the last layer, the loss and the labels do not fit together."""

from __future__ import annotations

import math
from collections.abc import Iterator

from repro.explain.causes.evidence import Evidence, Head
from repro.explain.causes.finding import PROVED, Finding, numbers
from repro.explain.causes.not_learning import is_learned

PROBABILITIES = ("softmax", "sigmoid", "hard_sigmoid")
# Losses whose targets are numbers to be met, also where all of them are whole.
OF_NUMBERS = (
    "mse",
    "mae",
    "mape",
    "msle",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "huber_loss",
    "log_cosh",
    "logcosh",
)


def find(evidence: Evidence) -> Finding | None:
    """Return what can never fit, or what does not for a model that has not learned."""
    head = evidence.head
    if head is None:
        return None
    for says, remedy in [*_impossible(head), *([] if is_learned(evidence) else _mismatches(head))]:
        figures = numbers(
            evidence, PROVED, activation=head.activation, units=head.units, loss=head.loss, labels=head.label_kind
        )
        return Finding("output-and-loss", f"the output does not fit: {says}; {evidence.phases}", figures, remedy)
    return None


def _impossible(head: Head) -> Iterator[tuple[str, str]]:
    """Yield (what is wrong, what to do) of what is wrong whatever was learned."""
    loss, classes = head.loss, head.label_classes or 0
    if head.units == 1 and head.activation == "softmax":
        yield "softmax over one unit is always 1", "use sigmoid for one unit, or one unit a class"
    if head.units == 1 and "categorical" in loss:
        yield f"{loss} over one unit is always 0", "use binary_crossentropy for one unit, or one unit a class"
    if head.units == 1 and loss == "binary_crossentropy" and head.label_kind == "integers" and classes > 2:
        remedy = f"use {classes} units and sparse_categorical_crossentropy"
        yield f"{classes} classes cannot be told by one unit", remedy


def _mismatches(head: Head) -> Iterator[tuple[str, str]]:
    """Yield (what is wrong, what to do) of what keeps a model from learning."""
    loss = head.loss
    cross_entropy = loss.endswith("crossentropy")
    if cross_entropy and head.from_logits is False and head.activation == "linear":
        remedy = "set from_logits=True, or give the last layer its activation"
        yield f"{loss} gets values that are no probabilities", remedy
    if cross_entropy and head.from_logits is True and head.activation in PROBABILITIES:
        remedy = "set from_logits=False, or leave the activation out"
        yield f"{head.activation}, and then again by from_logits=True", remedy
    if (not cross_entropy and head.label_kind == "real") or (loss in OF_NUMBERS and head.label_kind == "integers"):
        yield from _out_of_range(head)


def _out_of_range(head: Head) -> Iterator[tuple[str, str]]:
    low, high = head.target_minimum, head.target_maximum
    ranges = {"sigmoid": (0.0, 1.0), "softmax": (0.0, 1.0), "tanh": (-1.0, 1.0), "relu": (0.0, math.inf)}
    if low is None or high is None or head.activation not in ranges:
        return
    least, most = ranges[head.activation]
    if low < least or high > most:
        yield f"{head.activation} cannot give targets from {low:g} to {high:g}", "use no activation in the last layer"
