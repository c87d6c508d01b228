"""Figures of data and outputs that several causes rest on."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.explain.causes.evidence import Channel
from repro.runs import recorded_values

MOST_CLASSES = 100_000


def channels(inputs: list[recorded_values.Facts]) -> list[Channel]:
    """Figures of the channels of all inputs; none if those of one channel are not known."""
    listed = []
    for place, facts in enumerate(inputs):
        name = (facts.name or str(place + 1)) if len(inputs) > 1 else ""
        for column in facts.columns or []:
            if column.mean is None or column.deviation is None:
                return []
            listed.append(Channel(float(column.mean), float(column.deviation), name))
    return listed


def farthest(data: recorded_values.Data) -> float | None:
    """How many deviations the farthest value of the inputs is from their mean."""
    farthest = None
    for facts in data.inputs or []:
        values = (facts.minimum, facts.maximum, facts.mean, facts.deviation)
        if any(value is None for value in values):
            continue
        low, high, mean, deviation = (float(value) for value in values if value is not None)
        if deviation > 0 and math.isfinite(high - low):
            farthest = max(farthest or 0.0, (high - mean) / deviation, (mean - low) / deviation)
    return farthest


def bad_data(data: recorded_values.Data | None) -> tuple[str, int, int | None] | None:
    if data is None:
        return None
    for kind, facts in (("input", data.inputs), ("target", data.targets)):
        for place, one in enumerate(facts or []):
            count = (one.nan or 0) + (one.infinite or 0)
            if count:
                return f"{kind} {one.name or place + 1}", count, one.first_bad_row
    return None


def purity(labels: list[int], size: int) -> float | None:
    """Mean share of the most frequent class of each batch, above what batches drawn at random would have."""
    if len(labels) < 2 * size or size < 2 or max(labels) > MOST_CLASSES or min(labels) < 0:
        return None
    table = np.array(labels)
    whole = len(table) // size * size

    def mean_share(rows: NDArray[Any]) -> float:
        return float(np.mean([int(np.max(np.bincount(batch))) / size for batch in rows[:whole].reshape(-1, size)]))

    return mean_share(table) - mean_share(np.random.default_rng(0).permutation(table))


def classes_of(outputs: NDArray[Any] | None) -> NDArray[Any] | None:
    """Return the class that each row of outputs (samples, classes) or (samples, 1) means; None for other shapes."""
    if outputs is None or outputs.ndim not in (1, 2) or not len(outputs):
        return None
    table = outputs.reshape(len(outputs), -1)
    if table.shape[1] > 1:
        return np.asarray(table.argmax(1))
    is_probability = float(table.min()) >= 0.0 and float(table.max()) <= 1.0
    return np.asarray(table[:, 0] > (0.5 if is_probability else 0.0)).astype(int)


def frozen_share(layers: list[dict[str, Any]]) -> float:
    """Return the share of the parameters in layers that are not trainable; `layers`: as a fingerprint lists them."""
    sizes = [(layer.get("parameters"), layer.get("trainable")) for layer in layers]
    known = [(size, trainable) for size, trainable in sizes if isinstance(size, int) and size > 0]
    frozen = sum(size for size, trainable in known if trainable is False)
    return frozen / max(1, sum(size for size, _ in known))
