"""Arithmetic of moving statistics in numpy float32, bit for bit what the worker computes.

The worker has its own copy (`worker/batch_norm.py`), since it runs on Python 3.6 and imports nothing of the engine; a
test compares the two.

A vector holds the statistics of all layers, (2 * sum(channels),): for each layer its means (channels), then its
variances.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

UpdateRule = Literal["weighted", "difference"]
Vector = NDArray[np.float32]

INITIAL_MEAN = 0.0
INITIAL_VARIANCE = 1.0


def initial_vector(channels: Sequence[int]) -> Vector:
    """Statistics before the first update."""
    parts = [np.full(count, initial, np.float32) for count in channels for initial in (INITIAL_MEAN, INITIAL_VARIANCE)]
    return np.concatenate(parts) if parts else np.zeros(0, np.float32)


def split_by_layer(vector: Vector, channels: Sequence[int]) -> list[tuple[Vector, Vector]]:
    """(mean, variance) of each layer, both (channels,)."""
    pairs, start = [], 0
    for count in channels:
        pairs.append((vector[start : start + count], vector[start + count : start + 2 * count]))
        start += 2 * count
    return pairs


def update(moving: Vector, batch: Vector, momentum: float, rule: UpdateRule = "weighted") -> Vector:
    """One update as the layer does it; `weighted` is Keras 3's rule, `difference` that of TensorFlow 1 and tf.keras."""
    if rule == "weighted":
        return moving * np.float32(momentum) + batch * np.float32(1.0 - momentum)
    return moving - (moving - batch) * np.float32(1.0 - momentum)


def replay(batches: Vector, channels: Sequence[int], momentum: float, rule: UpdateRule = "weighted") -> Vector:
    """Moving statistics after the updates `batches`, (steps, 2 * sum(channels)), from the initial values."""
    moving = initial_vector(channels)
    for batch in batches:
        moving = update(moving, batch, momentum, rule)
    return moving


def debias(moving: Vector, channels: Sequence[int], momentum: float, updates: int) -> Vector:
    """Moving statistics without the share of the initial values: (moving - m**n * initial) / (1 - m**n)."""
    weight = momentum**updates
    if weight == 1.0:  # nothing was averaged yet: the initial values are all there is
        weight = 0.0
    unbiased = (moving.astype(np.float64) - weight * initial_vector(channels).astype(np.float64)) / (1.0 - weight)
    return unbiased.astype(np.float32)


def remaining_distance(moving: Vector, batch: Vector, initial: float) -> float | None:
    """||moving - batch|| / ||initial - batch||: 1 at the initial value, 0 at the batch statistic.

    None if the batch statistic is the initial value.
    """
    whole = float(np.linalg.norm(initial - batch.astype(np.float64)))
    if whole == 0.0:
        return None
    return float(np.linalg.norm(moving.astype(np.float64) - batch.astype(np.float64))) / whole
