"""Reads the evidence of a run of a scenario: what the worker measured and tried at the final weights."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from repro.base import arrays
from repro.base.errors import InputError
from repro.explain import layers
from repro.explain.causes.evidence import (
    Alone,
    Channel,
    Evidence,
    Inputs,
    Norm,
    NotFinite,
    Other,
    Score,
    Spike,
    Steps,
    Trial,
    TrialKind,
)
from repro.explain.criteria import GAP, OUTLIER_DEVIATIONS
from repro.explain.data_figures import purity
from repro.explain.sentences import NO_BATCH_NORM
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.progress import Progress, power
from repro.runs.records import RunRecord
from repro.scenario.image_record import ImageRecord
from repro.scenario.types import Scenario

# How the worker's warnings begin, of layers that are there and have nothing to measure (`why_no_statistics`).
NOTHING_MOVES = ("the BatchNormalization layers are frozen", "the model calls none of its BatchNormalization layers")
UNTRIED = "trace the run (--trace): then other statistics are tried on it"
MOST_IMAGES = 512  # whose pixels are looked at
MOST_EARLIER = 6  # epochs before the last one that are shown
MOST_CLASSES = 64  # whose best renaming is looked for
SMALLEST_LOSS = 0.05  # below which a loss says that all is right
_STATISTICS: dict[str, tuple[TrialKind, bool]] = {  # the worker's names: kind, and whether random layers were on
    "re-estimated": ("re-estimated", True),
    "re-estimated-larger-batches": ("re-estimated", True),
    "re-estimated-without-random-layers": ("re-estimated", False),
    "re-estimated-without-image": ("re-estimated", True),
    "debiased": ("debiased", False),
    "larger-batches": ("batch", True),
    "training-without-random-layers": ("quiet", False),
}
_CHANGED: dict[str, tuple[TrialKind, float | None, float]] = {  # kind, factor, offset
    "divided-by-255": ("scale", 1 / 255.0, 0.0),
    "from-minus-one-to-one": ("scale", 1 / 127.5, -1.0),
    "reversed-channels": ("channels", None, 0.0),
    "inverted": ("inverted", None, 0.0),
    "like-training": ("affine", None, 0.0),
}


def gather(run: RunDirectory, progress: Progress) -> Evidence:
    """Return the evidence of a finished run; InputError for one that is not finished."""
    result, record, scenario = run.result(), run.record(), run.require_scenario()
    if result is None:
        raise InputError(f"the run {run.id} is {run.state(progress)}", do="diagnose it when it has finished")
    epoch = scenario.fit.epochs
    drift = progress.drift.get(epoch)
    inference = _score(progress.evaluations.get(("inference", epoch)), len(record.images))
    measured = _score(progress.evaluations.get(("training", epoch)), len(record.images))
    training, shuffled = _training(measured, drift, scenario)
    names = next((trial.layers for trial in progress.trials if trial.layers), ())
    trials = list(_trials(progress, record, has_random=bool(names)))
    if shuffled is not None:
        trials.append(Trial("shuffled", shuffled, batch_size=scenario.fit.batch_size, random_layers=bool(names)))
    return Evidence(
        inference=inference,
        training=training,
        samples="training images",
        in_order=None if training is measured else measured,
        earlier=_earlier(progress, epoch, len(record.images)),
        losses=[float(loss) for loss in progress.loss],
        norms=_norms(run, drift),
        why_no_norms=next((line for line in progress.warnings if line.startswith(NOTHING_MOVES)), NO_BATCH_NORM),
        batch_size=scenario.fit.batch_size,
        trials=trials,
        others=_validation(run, progress, record, epoch),
        inputs=_inputs(run, "arrays/images.npy", record.images),
        random=names,
        first_apart=_first_apart(run, progress, epoch),
        purity=_purity(record, scenario),
        alone=_alone(progress, drift),
        spike=_spike(drift, record, progress),
        not_finite=_not_finite(progress, inference),
        steps=Steps(
            count=len(progress.loss) * -(-len(record.images) // scenario.fit.batch_size),
            learning_rate=scenario.compile.learning_rate,
        ),
        why_unmeasured=": add evaluate and evaluate_training_phase to measure",
        why_untried="" if progress.trials or record.traced else UNTRIED,
    )


def _score(event: events.Evaluated | events.Validated | None, samples: int) -> Score | None:
    if event is None:
        return None
    return Score(None if event.accuracy is None else float(event.accuracy), float(event.loss), samples)


def _earlier(progress: Progress, last: int, samples: int) -> list[tuple[int, Score]]:
    """Inference after the epochs of measure_at, the latest ones."""
    epochs = sorted(epoch for phase, epoch in progress.evaluations if phase == "inference" and epoch < last)
    scores = ((epoch, _score(progress.evaluations["inference", epoch], samples)) for epoch in epochs[-MOST_EARLIER:])
    return [(epoch, score) for epoch, score in scores if score is not None]


def _training(
    measured: Score | None, drift: events.BatchNormMeasured | None, scenario: Scenario
) -> tuple[Score | None, Score | None]:
    """The training phase in batches as fit drew them, and in shuffled ones where fit does not shuffle."""
    spread = None if drift is None else drift.batches
    if measured is None or spread is None:
        return measured, None
    shuffled = Score(float(spread.accuracy), None, measured.samples, scenario.fit.batch_size)
    if not scenario.fit.shuffle:
        return measured, shuffled
    if shuffled.right is not None and measured.right is not None and abs(shuffled.right - measured.right) < GAP:
        return measured, None
    return Score(shuffled.right, measured.loss, measured.samples, scenario.fit.batch_size), None


# --- layers ---


def _norms(run: RunDirectory, drift: events.BatchNormMeasured | None) -> list[Norm]:
    if drift is None:
        return []
    is_power = drift.initial_weight == power(drift.momentum, drift.updates)
    variances = _moving_variances(run, drift)
    return [
        _norm(layer, drift, variance, is_power=is_power)
        for layer, variance in zip(drift.layers, variances, strict=True)
    ]


def _norm(
    layer: events.LayerDrift, drift: events.BatchNormMeasured, variance: NDArray[Any] | None, *, is_power: bool
) -> Norm:
    momentum = layer.momentum if layer.momentum is not None else drift.momentum
    updates = layer.updates if layer.updates is not None else drift.updates
    weight = power(momentum, updates) if is_power else 0.0
    stays = layer.untouched or (layer.calls is None and layer.mean == 1.0 and layer.variance == 1.0)
    left = [float(value) for value in (layer.mean, layer.variance) if value is not None]
    batch, moving = float(layer.batch_variance), float(layer.moving_variance)
    share = None
    if variance is not None and len(variance):
        share = float(np.max(np.minimum(weight / np.maximum(variance, 1e-30), 1.0)))
    return Norm(
        name=layer.name,
        momentum=momentum,
        updates=updates,
        calls=layer.calls,
        trainable=layer.trainable if layer.trainable is not None else (False if layer.calls == 0 else None),
        moved=False if stays and momentum < 1.0 else None if layer.calls is None else True,
        is_initial=stays,
        initial_weight=weight,
        initial_share=share,
        variance_left=None if layer.variance is None else float(layer.variance),
        distance=statistics.fmean(left) if left else None,
        spread=None if drift.batches is None else float(drift.batches.mean_spread),
        debiased=not is_power and drift.initial_weight == 0.0,
        calls_apart=None if layer.calls_apart is None else float(layer.calls_apart),
        deviation_ratio=math.sqrt(batch / moving) if batch > 0 and moving > 0 else None,
    )


def _moving_variances(run: RunDirectory, drift: events.BatchNormMeasured) -> list[NDArray[Any] | None]:
    """The moving variance of each layer's channels; None where the run kept none."""
    try:
        values = np.array(arrays.read(run.file(f"arrays/moving-statistics-{drift.epoch:07d}.npy")), np.float64)
    except (InputError, ValueError, OSError):
        return [None] * len(drift.layers)
    if values.shape != (2 * sum(layer.channels for layer in drift.layers),):
        return [None] * len(drift.layers)
    variances: list[NDArray[Any] | None] = []
    start = 0
    for layer in drift.layers:
        variances.append(values[start + layer.channels : start + 2 * layer.channels])
        start += 2 * layer.channels
    return variances


def _first_apart(run: RunDirectory, progress: Progress, epoch: int) -> str | None:
    if epoch not in progress.drift:
        return None
    report = layers.report_of(progress, epoch, run.file("arrays"))
    place = report.first_divergence
    return None if place is None else report.layers[place].drift.name


# --- trials ---


def _trials(progress: Progress, record: RunRecord, *, has_random: bool) -> Iterator[Trial]:
    for event in progress.trials:
        if event.images_of != "training":
            continue
        score, before = _scores(event)
        if event.trial in _STATISTICS:
            kind, is_on = _STATISTICS[event.trial]
            name = ""
            if event.image is not None and event.image < len(record.images):
                name = record.images[event.image].name
            random_layers = is_on and has_random
            is_plain = kind in ("batch", "quiet")
            yield Trial(
                kind,
                score,
                None if is_plain else before,
                batch_size=event.batch_size,
                random_layers=random_layers,
                without=name,
            )
        elif event.trial in _CHANGED:
            yield _changed(event)


def _scores(event: events.TrialMeasured) -> tuple[Score, Score]:
    score = Score(float(event.accuracy), float(event.loss), event.images, event.batch_size)
    return score, Score(float(event.reference_accuracy), float(event.reference_loss), event.images)


def _changed(event: events.TrialMeasured) -> Trial:
    kind, factor, offset = _CHANGED[event.trial]
    score, before = _scores(event)
    return Trial(kind, score, before, batch_size=event.batch_size, factor=factor, offset=offset)


def _alone(progress: Progress, drift: events.BatchNormMeasured | None) -> Alone | None:
    for event in progress.trials:
        if event.trial == "single-images":
            score, before = _scores(event)
            changed = abs((score.right or 0.0) - (before.right or 0.0))
            distance = abs((score.loss or 0.0) - (before.loss or 0.0)) / max(before.loss or 0.0, SMALLEST_LOSS)
            return Alone(
                samples=event.images,
                changed=changed if changed >= GAP else None,
                distance=distance,
                right=score.right,
                is_norm=drift is not None and bool(drift.layers),
            )
    return None


# --- images ---


def _inputs(run: RunDirectory, name: str, images: Sequence[ImageRecord]) -> Inputs:
    classes = Counter(str(image.label) for image in images)
    try:
        pixels = arrays.read(run.file(name))
    except (InputError, ValueError, OSError):
        pixels = None
    if pixels is None or pixels.ndim != 4 or not len(pixels):
        return Inputs(classes=dict(classes))
    table = np.array(pixels[:: -(-len(pixels) // MOST_IMAGES)], np.float32)
    channels = [
        Channel(float(table[..., place].mean()), float(table[..., place].std())) for place in range(table.shape[-1])
    ]
    return Inputs(
        channels=channels,
        mean=float(table.mean()),
        deviation=float(table.std()),
        colourfulness=float(table.std(-1).mean()) if table.shape[-1] > 1 else None,
        classes=dict(classes),
    )


def _validation(run: RunDirectory, progress: Progress, record: RunRecord, epoch: int) -> list[Other]:
    validated = progress.validations.get(epoch)
    images = record.validation_images
    score = _score(validated, len(images))
    if validated is None or score is None:
        return []
    trials = [
        _changed(event) for event in progress.trials if event.images_of == "validation" and event.trial in _CHANGED
    ]
    renamed = _renamed(validated, [image.label for image in images])
    trials += [] if renamed is None else [renamed]
    return [Other("validation", score, inputs=_inputs(run, "arrays/validation.npy", images), trials=trials)]


def _renamed(validated: events.Validated, labels: Sequence[int]) -> Trial | None:
    """The share right if each class that is answered is taken for the label that most of its images have."""
    rows = validated.probabilities
    if rows is None or len(rows) != len(labels) or not 2 <= len(rows[0]) <= MOST_CLASSES:
        return None
    table = np.array([[float(value) for value in row] for row in rows])
    counts = np.zeros((table.shape[1], table.shape[1]), int)
    if max(labels) >= len(counts):
        return None
    np.add.at(counts, (table.argmax(1), np.array(labels)), 1)
    to = [int(label) for label in counts.argmax(1)]
    if len(set(to)) < len(to):
        return None  # no renaming of all classes comes near
    right = float(sum(counts[place, label] for place, label in enumerate(to))) / len(labels)
    return Trial("permutation", Score(right, None, len(labels)), renamed=to)


def _purity(record: RunRecord, scenario: Scenario) -> float | None:
    """How much purer the batches are than shuffled ones, where fit takes the images in their order."""
    if scenario.fit.shuffle:
        return None
    return purity([image.label for image in record.images], scenario.fit.batch_size)


def _spike(drift: events.BatchNormMeasured | None, record: RunRecord, progress: Progress) -> Spike | None:
    spread = None if drift is None else drift.batches
    if spread is None:
        return None
    places = outliers(record.images)
    tried = next((event.image for event in progress.trials if event.image is not None), None)
    figures: dict[str, float] = {}
    if places:
        worst = record.images[places[0]]
        figures = {
            "mean": worst.mean,
            "median_mean": statistics.median(image.mean for image in record.images),
            "contrast": worst.standard_deviation,
            "median_contrast": statistics.median(image.standard_deviation for image in record.images),
        }
    return Spike(
        ratio=float(spread.largest_variance),
        layer=spread.layer,
        sample=record.images[tried].name if tried is not None and tried < len(record.images) else None,
        samples_far_out=[record.images[place].name for place in places],
        sample_figures=figures,
    )


def outliers(images: Sequence[ImageRecord]) -> list[int]:
    """Return the positions of images whose mean or contrast is far from the others', the farthest first."""
    if len(images) < 5:
        return []
    deviations = [0.0] * len(images)
    for values in ([image.mean for image in images], [image.standard_deviation for image in images]):
        middle = statistics.median(values)
        # one grey level at least: among equal images a rounding error is no outlier
        unit = max(1.4826 * statistics.median(abs(value - middle) for value in values), 1.0)
        deviations = [max(old, abs(value - middle) / unit) for old, value in zip(deviations, values, strict=True)]
    positions = [position for position, deviation in enumerate(deviations) if deviation >= OUTLIER_DEVIATIONS]
    return sorted(positions, key=lambda position: -deviations[position])


def _not_finite(progress: Progress, inference: Score | None) -> NotFinite | None:
    event = progress.not_finite
    if event is not None:
        return NotFinite(what=event.quantity, epoch=event.epoch, layer=event.layer or None)
    if inference is not None and inference.loss is not None and not math.isfinite(inference.loss):
        return NotFinite(what="output", epoch=progress.epoch)
    return None
