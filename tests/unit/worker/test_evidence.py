"""What a worker works out beside a training: figures of shared layers, and images on which outputs are checked."""

from __future__ import annotations

import numpy as np
import pytest

from repro.worker import batch_norm, own_model

rng = np.random.default_rng(0)


def statistics(mean: float, variance: float) -> tuple[np.ndarray, np.ndarray]:
    return np.full(3, mean, np.float32), np.full(3, variance, np.float32)


def test_the_distance_of_calls_is_in_deviations() -> None:
    assert batch_norm.calls_apart([statistics(1.0, 4.0)]) is None
    assert batch_norm.calls_apart([statistics(1.0, 4.0), statistics(1.0, 9.0)]) == 0.0
    assert batch_norm.calls_apart([statistics(1.0, 4.0), statistics(5.0, 4.0)]) == pytest.approx(2.0)
    assert batch_norm.calls_apart([statistics(0.0, 1.0), statistics(1.0, 1.0), statistics(3.0, 1.0)]) == 3.0


def outputs(images: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    return np.asarray(images.reshape(len(images), -1) / 255.0 @ kernel)


def test_two_sigmoids_are_no_probabilities_and_a_softmax_is() -> None:
    images = own_model.odd_images((8, 8, 1))
    assert images.shape == (4, 8, 8, 1) and images.dtype == np.float32 and not images[0].any()
    logits = outputs(images, rng.normal(0, 0.3, (64, 2)))
    sigmoids, exponentials = 1 / (1 + np.exp(-logits)), np.exp(logits)
    own_model.check_probabilities(sigmoids[:1])  # as a black image alone has it
    with pytest.raises(own_model.OwnModelError, match="not probabilities: end it with softmax"):
        own_model.check_probabilities(sigmoids)
    own_model.check_probabilities(exponentials / exponentials.sum(1, keepdims=True))


def test_the_same_images_are_drawn_whatever_was_drawn_before() -> None:
    np.random.seed(7)
    state = np.random.get_state()[1].copy()  # type: ignore[union-attr]
    first = own_model.odd_images((4, 4, 3))
    assert np.array_equal(np.random.get_state()[1], state)  # type: ignore[index]
    assert np.array_equal(own_model.odd_images((4, 4, 3)), first)
