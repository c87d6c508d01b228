"""Why a run differs between training and inference, BatchNormalization layer by layer, from what the run measured."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from repro.base import arrays
from repro.base.errors import InputError
from repro.explain import sentences
from repro.explain.criteria import updates_needed
from repro.explain.phrases import Sentence, as_text
from repro.runs.directory import RunDirectory
from repro.runs.event_base import Number
from repro.runs.events import BatchNormMeasured, LayerDrift, to_number
from repro.runs.progress import Progress, power

# A tenth of a standard deviation, and a tenth of the scale.
DIVERGENT_SHIFT = 0.1
DIVERGENT_RATIO = 1.1
KERAS_EPSILON = 1e-3  # the default of every version of Keras


@dataclass(frozen=True)
class InferenceView:
    """What inference makes of a layer's input that training turns into mean 0 and deviation 1: medians over channels.

    `mean_shift` = |batch mean - moving mean| / sqrt(moving variance + epsilon), in standard deviations;
    `std_ratio` = sqrt((batch variance + epsilon) / (moving variance + epsilon)).
    """

    mean_shift: float
    std_ratio: float

    @property
    def diverges(self) -> bool:
        """Whether the layer's output differs from training's by enough to matter."""
        return self.mean_shift > DIVERGENT_SHIFT or not (1 / DIVERGENT_RATIO < self.std_ratio < DIVERGENT_RATIO)


@dataclass(frozen=True)
class Layer:
    """One BatchNormalization layer. `inference` is None if the run kept no arrays for the epoch."""

    drift: LayerDrift
    inference: InferenceView | None


@dataclass(frozen=True)
class LayerReport:
    """All layers after one measured epoch, in the order of the network."""

    measured: BatchNormMeasured
    layers: list[Layer]
    epsilon: float
    training_accuracy: Number | None = None
    inference_accuracy: Number | None = None

    @property
    def epoch(self) -> int:
        """The epoch after which the layers were measured."""
        return self.measured.epoch

    @property
    def has_arrays(self) -> bool:
        """Whether the run kept the statistics of each channel."""
        return all(layer.inference is not None for layer in self.layers)

    @property
    def first_divergence(self) -> int | None:
        """Index of the first layer that puts out something else in inference than in training; None if none does."""
        return next((i for i, layer in enumerate(self.layers) if layer.inference and layer.inference.diverges), None)

    @property
    def is_power(self) -> bool:
        """Whether the initial values weigh momentum ** updates: not if the averages were debiased or re-estimated."""
        return self.measured.initial_weight == power(self.measured.momentum, self.measured.updates)


def read(run: RunDirectory) -> list[LayerReport]:
    """A report for each measured epoch, in order; InputError or OSError if the run's events cannot be read."""
    progress = run.progress()
    return [report_of(progress, epoch, run.file("arrays")) for epoch in sorted(progress.drift)]


def report_of(progress: Progress, epoch: int, folder: Path) -> LayerReport:
    """The report after `epoch`; `folder` holds the run's arrays."""
    measured = progress.drift[epoch]
    epsilon = _epsilon(progress.fingerprint)
    views: Sequence[InferenceView | None] = [None] * len(measured.layers)
    with contextlib.suppress(InputError, ValueError):
        views = inference_views(folder, epoch, measured.layers, epsilon)
    training = progress.evaluations.get(("training", epoch))
    inference = progress.evaluations.get(("inference", epoch))
    return LayerReport(
        measured=measured,
        layers=[Layer(drift, view) for drift, view in zip(measured.layers, views, strict=True)],
        epsilon=epsilon,
        training_accuracy=None if training is None else training.accuracy,
        inference_accuracy=None if inference is None else inference.accuracy,
    )


def inference_views(folder: Path, epoch: int, layers: Sequence[LayerDrift], epsilon: float) -> list[InferenceView]:
    """What inference makes of each layer's input, from a run's arrays.

    InputError if they cannot be read, ValueError if they do not fit the layers.
    """
    import numpy as np  # 60 ms, which screens that only import this module need not pay

    moving, batch = (
        np.array(arrays.read(folder / f"{kind}-statistics-{epoch:07d}.npy"), np.float64) for kind in ("moving", "batch")
    )
    if moving.shape != batch.shape or moving.ndim != 1 or len(moving) != 2 * sum(layer.channels for layer in layers):
        raise ValueError("the arrays do not fit the layers")
    views, start = [], 0
    for layer in layers:
        means, variances = (slice(start + i * layer.channels, start + (i + 1) * layer.channels) for i in (0, 1))
        start += 2 * layer.channels
        deviation = np.sqrt(np.maximum(moving[variances], 0.0) + epsilon)
        shift = np.abs(batch[means] - moving[means]) / deviation
        ratio = np.sqrt(np.maximum(batch[variances], 0.0) + epsilon) / deviation
        views.append(InferenceView(float(np.median(shift)), float(np.median(ratio))))
    return views


def _epsilon(fingerprint: dict[str, Any]) -> float:
    """The first layer's epsilon; Keras's default if the run did not record one."""
    value = fingerprint.get("epsilon")
    if isinstance(value, list) and value:
        value = value[0]
    return float(value) if isinstance(value, int | float) else KERAS_EPSILON


def remaining_distance(layer: LayerDrift) -> float | None:
    """Mean of the remaining distances of a layer's mean and variance, 1: as at the start, 0: arrived."""
    distances = [float(value) for value in (layer.mean, layer.variance) if value is not None]
    return sum(distances) / len(distances) if distances else None


# -- in sentences


def summary(report: LayerReport) -> list[Sentence]:
    """What the layers say about the run: both accuracies, weight of the initial values, where the phases diverge."""
    measured = report.measured
    weight = sentences.initial_weight(
        measured.momentum, measured.updates, measured.initial_weight, is_power=report.is_power
    )
    if report.training_accuracy is None or report.inference_accuracy is None:
        return [weight, _divergence(report)]
    return [sentences.accuracies(report.training_accuracy, report.inference_accuracy), weight, _divergence(report)]


def _divergence(report: LayerReport) -> Sentence:
    if not report.has_arrays:
        return sentences.NO_ARRAYS
    index = report.first_divergence
    if index is None:
        return sentences.NO_DIVERGENCE
    layer = report.layers[index]
    assert layer.inference is not None
    return sentences.divergence(index + 1, layer.drift.name, layer.inference.mean_shift, layer.inference.std_ratio)


def batch_spread(report: LayerReport) -> Sentence:
    """How far apart the statistics of shuffled batches are; empty if an epoch is one batch."""
    return () if report.measured.batches is None else sentences.batch_spread(report.measured.batches)


def as_json(reports: Sequence[LayerReport]) -> list[dict[str, Any]]:
    """The reports as plain data, one object for each measured epoch."""
    return [
        {
            "epoch": report.epoch,
            "updates": report.measured.updates,
            "momentum": report.measured.momentum,
            "initial_weight": report.measured.initial_weight,
            "updates_needed": updates_needed(report.measured.momentum),
            "moving_to_batch_distance": report.measured.moving_to_batch_distance,
            "epsilon": report.epsilon,
            "training_accuracy": report.training_accuracy,
            "inference_accuracy": report.inference_accuracy,
            "first_divergence": report.first_divergence,
            "batches": msgspec.to_builtins(report.measured.batches),
            "sentences": [as_text(sentence) for sentence in (*summary(report), batch_spread(report)) if sentence],
            "layers": [_layer_object(layer) for layer in report.layers],
        }
        for report in reports
    ]


def _layer_object(layer: Layer) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(layer.drift)
    view = layer.inference
    return plain | {
        "mean_shift": None if view is None else to_number(view.mean_shift),
        "std_ratio": None if view is None else to_number(view.std_ratio),
        "diverges": None if view is None else view.diverges,
    }
