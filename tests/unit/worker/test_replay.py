"""Replaying moving statistics, against the formula written out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from repro.worker import batch_norm

CHANNELS = [2, 3]


def rows(steps: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(2, 3, (steps, 2 * sum(CHANNELS))).astype(np.float32)


def test_layout_goes_layer_by_layer_mean_before_variance() -> None:
    vector = batch_norm.initial_vector(CHANNELS)
    assert vector.tolist() == [0, 0, 1, 1, 0, 0, 0, 1, 1, 1]
    assert np.array_equal(batch_norm.flatten(batch_norm.unflatten(vector, CHANNELS)), vector)


@settings(deadline=None)
@given(st.floats(0, 1), st.integers(0, 12))
def test_replay_is_the_weighted_sum_of_batches_and_initial_values(momentum: float, steps: int) -> None:
    batches = rows(steps)
    found = batch_norm.replay(batches, CHANNELS, momentum)
    weights = (1 - momentum) * momentum ** np.arange(steps - 1, -1, -1.0)
    expected = momentum**steps * batch_norm.initial_vector(CHANNELS) + weights @ batches.astype(np.float64)
    assert np.allclose(found, expected, rtol=1e-4, atol=1e-4)
    other = batch_norm.replay(batches, CHANNELS, momentum, batch_norm.DIFFERENCE)
    assert np.allclose(other, expected, rtol=1e-4, atol=1e-4)


def test_momentum_0_keeps_the_last_batch_exactly() -> None:
    batches = rows(4)
    assert np.array_equal(batch_norm.replay(batches, CHANNELS, 0.0), batches[-1])


@pytest.mark.parametrize("updates", [1, 5, 100])
def test_debiasing_constant_batches_gives_the_batch(updates: int) -> None:
    batch = rows(1)[0]
    moving = batch_norm.replay([batch] * updates, CHANNELS, 0.99)
    assert not np.allclose(moving, batch, rtol=1e-2)
    assert np.allclose(batch_norm.debias(moving, CHANNELS, 0.99, updates), batch, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("rule", [batch_norm.WEIGHTED, batch_norm.DIFFERENCE])
def test_layers_of_different_momentum_are_each_as_alone(rule: str) -> None:
    batches, momenta, split = rows(5), [0.9, 1.0], 2 * CHANNELS[0]
    momentum = batch_norm.per_value(momenta, CHANNELS)
    moving = batch_norm.replay(batches, CHANNELS, momentum, rule)
    debiased = batch_norm.debias(moving, CHANNELS, momentum, 5)
    for layer, part in enumerate((slice(0, split), slice(split, None))):
        alone = batch_norm.replay(batches[:, part], [CHANNELS[layer]], momenta[layer], rule)
        assert np.array_equal(moving[part], alone)
        assert np.array_equal(debiased[part], batch_norm.debias(alone, [CHANNELS[layer]], momenta[layer], 5))
    assert batch_norm.per_value([0.9, 0.9], CHANNELS) == 0.9


def test_distance_left_of_constant_batches_is_the_weight_of_the_initial_value() -> None:
    batch = rows(1)[0]
    moving = batch_norm.replay([batch] * 7, CHANNELS, 0.9)
    (mean, variance), (batch_mean, batch_variance) = (
        batch_norm.unflatten(moving, CHANNELS)[0],
        batch_norm.unflatten(batch, CHANNELS)[0],
    )
    assert batch_norm.remaining(mean, batch_mean, 0.0) == pytest.approx(0.9**7, rel=1e-5)
    assert batch_norm.remaining(variance, batch_variance, 1.0) == pytest.approx(0.9**7, rel=1e-5)
    assert batch_norm.remaining(mean, np.zeros(2, np.float32), 0.0) is None
