"""Says from a finished run's evidence why it is right in training and wrong afterwards, or that it is not.

Pure functions: `diagnose` decides over `Facts` alone; `gather` reads them from a run directory.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from repro.base.errors import InputError
from repro.base.text import percent
from repro.explain import sentences
from repro.explain.criteria import (
    CONVERGED,
    GAP,
    LARGE_BATCH,
    OTHER_CONTRAST,
    OTHER_RANGE,
    OUTLIER_DEVIATIONS,
    OUTLIER_VARIANCE,
    SMALL_BATCH,
    are_apart,
    has_learned,
    updates_needed,
)
from repro.runs.directory import RunDirectory
from repro.runs.events import BatchSpread
from repro.runs.records import Measurements
from repro.runs.verdict import ROUND_OFF
from repro.scenario.image_record import ImageRecord
from repro.scenario.types import Scenario

Cause = Literal[
    "not-converged", "outliers", "small-batch", "preprocessing", "overfitting", "no-discrepancy", "cannot-be-told"
]

# Names among a finding's numbers: the lowest of these is what is wrong, the highest what can be reached.
ACCURACIES = ("inference_accuracy", "training_phase_accuracy", "shuffled_batches_accuracy")


@dataclass(frozen=True)
class Pixels:
    """One image's name, and mean and standard deviation of its pixels (0 to 255)."""

    name: str
    mean: float
    contrast: float


@dataclass(frozen=True)
class Facts:
    """What a diagnosis rests on. Accuracies from 0 to 1; None if they were not measured."""

    images: Sequence[Pixels]
    batch_size: int
    inference: float | None
    training: float | None
    momentum: float | None = None
    updates: int = 0
    initial_weight: float = 0.0
    distance: float | None = None
    validation: float | None = None
    validation_images: Sequence[Pixels] = ()
    spread: BatchSpread | None = None

    @property
    def has_batch_norm(self) -> bool:
        return self.momentum is not None


@dataclass(frozen=True)
class Trial:
    """A what-if that should repair the run if the finding is right: statistics put into the weights as they are.

    `remedy`: what to do if it works; empty if it is only tried to learn more.
    """

    says: str
    statistics: Literal["moving", "debiased", "re-estimated"]
    momentum: float
    remedy: str = field(default="", kw_only=True)
    without: tuple[int, ...] = ()
    batch_size: int | None = None


@dataclass(frozen=True)
class Finding:
    """One cause with the figures it rests on, what to do, and how that can be tried on this very run."""

    cause: Cause
    says: str
    numbers: dict[str, float | int | str | None]
    remedy: str
    trials: list[Trial] = field(default_factory=list)


def remedy_after(finding: Finding, works: Sequence[bool]) -> str:
    """Return what to do after the finding's trials: what was seen to work, and nothing that was seen not to."""
    if not works:
        return finding.remedy
    proven = [trial.remedy for trial, did in zip(finding.trials, works, strict=True) if did and trial.remedy]
    if not proven:
        return f"{finding.remedy}; but nothing that can be tried on this run mends it"
    return f"{', or '.join(proven)}: seen to work on this run"


def diagnose(facts: Facts) -> list[Finding]:
    """Return the findings, the likeliest cause first; never empty."""
    inference, training = facts.inference, facts.training
    if inference is None or training is None:
        return [_cannot("the run has not measured both phases", "add evaluate and evaluate_training_phase to measure")]
    findings = []
    shuffled = training if facts.spread is None else float(facts.spread.accuracy)
    if facts.has_batch_norm:
        if training > inference and are_apart(training, inference):
            findings = [*_not_converged(facts), *_outliers(facts)]
        if not findings and are_apart(shuffled, inference):
            findings = _small_batch(facts, shuffled)
    if findings:
        return findings
    if are_apart(training, inference) or are_apart(shuffled, inference):
        return [_unexplained(facts, shuffled)]
    if not has_learned(inference):
        says = f"the model has not learned its training images: {percent(training)} right in training phase"
        return [_cannot(says, "train longer, or a larger model, until it knows them", _accuracies(facts))]
    return _generalizes(facts)


# --- statistics ---


def _not_converged(facts: Facts) -> list[Finding]:
    momentum = facts.momentum
    if momentum is None or facts.initial_weight < CONVERGED:
        return []
    needed = updates_needed(momentum)
    lower = math.floor(CONVERGED ** (1 / max(facts.updates, 1)) * 100) / 100
    when = "they never get there" if needed is None else f"after {needed} updates it would be less than 1 %"
    numbers: dict[str, Any] = {
        **_accuracies(facts),
        "momentum": momentum,
        "updates": facts.updates,
        "initial_weight": facts.initial_weight,
        "moving_to_batch_distance": facts.distance,
        "updates_needed": needed,
        "lower_momentum": lower,
    }
    says = f"{sentences.not_converged(facts.updates, momentum, facts.initial_weight)}; {when}"
    longer = "" if needed is None else f"train for {needed} updates, or "
    set_lower, one_pass = f"set momentum to {lower:g} or lower", "re-estimate the statistics after training"
    return [
        Finding(
            "not-converged",
            says,
            numbers,
            f"{longer}{set_lower}, or {one_pass}",
            [
                Trial(f"momentum {lower:g}", "moving", lower, remedy=set_lower),
                Trial("initial values taken out (debiased)", "debiased", momentum),
                Trial("statistics re-estimated", "re-estimated", momentum, remedy=one_pass),
            ],
        )
    ]


def _outliers(facts: Facts) -> list[Finding]:
    spread = facts.spread
    if spread is None or float(spread.largest_variance) < OUTLIER_VARIANCE:
        return []
    positions = outliers(facts.images)
    numbers: dict[str, Any] = {
        **_accuracies(facts),
        "largest_variance": float(spread.largest_variance),
        "layer": spread.layer,
    }
    says = (
        f"moving statistics are polluted by outliers: in {spread.layer} one batch has "
        f"{float(spread.largest_variance):.0f} times the variance of the median batch"
    )
    if not positions:
        return [Finding("outliers", says, numbers, "look for images unlike the others; none differs in its pixels")]
    names = ", ".join(facts.images[position].name for position in positions[:5])
    worst = facts.images[positions[0]]
    numbers |= {
        "images": names,
        "mean": worst.mean,
        "median_mean": statistics.median(image.mean for image in facts.images),
        "contrast": worst.contrast,
        "median_contrast": statistics.median(image.contrast for image in facts.images),
    }
    says += f"; {names} has contrast {worst.contrast:.0f} where the median is {numbers['median_contrast']:.0f}"
    remedy = f"take {names} out or mend it, and train again or re-estimate the statistics"
    trial_name = f"statistics re-estimated without {names}"
    trial = Trial(trial_name, "re-estimated", facts.momentum or 0.0, tuple(positions), remedy=remedy)
    return [Finding("outliers", says, numbers, remedy, [trial])]


def outliers(images: Sequence[Pixels]) -> list[int]:
    """Return the positions of images whose mean or contrast is far from the others', the farthest first."""
    if len(images) < 5:
        return []
    deviations = [0.0] * len(images)
    for values in ([image.mean for image in images], [image.contrast for image in images]):
        middle = statistics.median(values)
        # one grey level at least: among equal images a rounding error is no outlier
        unit = max(1.4826 * statistics.median(abs(value - middle) for value in values), 1.0)
        deviations = [max(old, abs(value - middle) / unit) for old, value in zip(deviations, values, strict=True)]
    positions = [position for position, deviation in enumerate(deviations) if deviation >= OUTLIER_DEVIATIONS]
    return sorted(positions, key=lambda position: -deviations[position])


def _small_batch(facts: Facts, shuffled: float) -> list[Finding]:
    if facts.spread is None or facts.batch_size > SMALL_BATCH:
        return []
    larger = min(LARGE_BATCH, len(facts.images))
    numbers: dict[str, Any] = {
        **_accuracies(facts),
        "batch_size": facts.batch_size,
        "shuffled_batches_accuracy": shuffled,
        "mean_spread": float(facts.spread.mean_spread),
    }
    says = (
        f"the batch of {facts.batch_size} is too small: the same weights get {percent(shuffled)} of the images right "
        f"in shuffled batches of {facts.batch_size} with the batch's own statistics, and "
        f"{percent(facts.inference or 0.0)} with moving statistics; what an image becomes depends on its neighbour"
    )
    remedy = f"train with batches of {LARGE_BATCH}, or with GroupNormalization, which needs no batch"
    trial_name = f"statistics re-estimated in batches of {larger}"
    trial = Trial(trial_name, "re-estimated", facts.momentum or 0.0, (), larger, remedy=remedy)
    return [Finding("small-batch", says, numbers, remedy, [trial])]


# --- validation ---


def _generalizes(facts: Facts) -> list[Finding]:
    """Judge a model that is right in both phases on the training images by images that it never saw."""
    inference = facts.inference or 0.0
    numbers = _accuracies(facts)
    layers_note = "" if facts.has_batch_norm else f"; {sentences.NO_BATCH_NORM}"
    if facts.validation is None:
        says = f"no discrepancy: {percent(inference)} of the training images are right in both phases{layers_note}"
        return [Finding("no-discrepancy", says, numbers, "without validation images overfitting cannot be told")]
    count = max(len(facts.validation_images), 1)
    noise = 2 * math.sqrt(
        facts.validation * (1 - facts.validation) / count + inference * (1 - inference) / max(len(facts.images), 1)
    )
    numbers |= {"validation_accuracy": facts.validation, "validation_images": count, "two_standard_errors": noise}
    if inference - facts.validation < max(GAP, noise) - ROUND_OFF:
        says = (
            f"no discrepancy: {percent(inference)} of the training images are right in both phases, and "
            f"{percent(facts.validation)} of {count} validation images{layers_note}"
        )
        return [Finding("no-discrepancy", says, numbers, "nothing to mend")]
    if (preprocessing := _other_preprocessing(facts)) is not None:
        says, differences = preprocessing
        return [Finding("preprocessing", says, numbers | differences, "prepare both sets of images by the same code")]
    says = (
        f"overfitting: {percent(inference)} of the training images are right in both phases, but only "
        f"{percent(facts.validation)} of {count} validation images; BatchNormalization's statistics are not to blame"
    )
    remedy = "more or augmented images, a smaller model, fewer epochs; momentum and statistics change nothing"
    return [Finding("overfitting", says, numbers, remedy)]


def _other_preprocessing(facts: Facts) -> tuple[str, dict[str, Any]] | None:
    means = [statistics.fmean(image.mean for image in images) for images in (facts.images, facts.validation_images)]
    contrasts = [
        max(statistics.fmean(image.contrast for image in images), 1e-3)
        for images in (facts.images, facts.validation_images)
    ]
    ratio = max(contrasts) / min(contrasts)
    if abs(means[0] - means[1]) < OTHER_RANGE and ratio < OTHER_CONTRAST:
        return None
    numbers = {
        "training_mean": means[0],
        "validation_mean": means[1],
        "training_contrast": contrasts[0],
        "validation_contrast": contrasts[1],
    }
    says = (
        f"different preprocessing: training images have mean {means[0]:.0f} and contrast {contrasts[0]:.0f}, "
        f"validation images {means[1]:.0f} and {contrasts[1]:.0f} (of 255)"
    )
    return says, numbers


# --- what cannot be told ---


def _cannot(says: str, remedy: str, numbers: dict[str, Any] | None = None) -> Finding:
    return Finding("cannot-be-told", f"cannot be told: {says}", numbers or {}, remedy)


def _unexplained(facts: Facts, shuffled: float) -> Finding:
    numbers = _accuracies(facts)
    phases = sentences.both_phases(facts.training or 0.0, facts.inference or 0.0, shuffled)
    if not facts.has_batch_norm:
        return _cannot(f"{phases}, and {sentences.NO_BATCH_NORM}", sentences.LOOK_AT_OTHER_LAYERS, numbers)
    numbers |= {"momentum": facts.momentum, "updates": facts.updates, "initial_weight": facts.initial_weight}
    says = f"{phases}; the moving statistics had {facts.updates} updates, and neither outliers nor a small batch show"
    remedy = "trace the run and ask what-if for re-estimated statistics; measure at several epochs (measure_at)"
    if facts.momentum is not None and facts.momentum < 0.5:
        says += f"; at momentum {facts.momentum:g} they are those of the last batch, one step behind the weights"
    return _cannot(says, remedy, numbers)


def _accuracies(facts: Facts) -> dict[str, Any]:
    return {"inference_accuracy": facts.inference, "training_phase_accuracy": facts.training}


# --- from a run ---


def gather(run: RunDirectory, scenario: Scenario) -> Facts:
    """Return the facts of a finished run; InputError for one that is not finished."""
    result, record = run.result(), run.record()
    if result is None:
        raise InputError(f"the run {run.id} is {run.state()}", do="diagnose it when it has finished")
    figures = result.figures
    drift = run.progress().drift.get(scenario.fit.epochs)
    distance = figures.figure("batch_norm.moving_to_batch_distance")
    return Facts(
        images=_pixels(record.images),
        batch_size=scenario.fit.batch_size,
        inference=_accuracy(figures, "evaluate"),
        training=_accuracy(figures, "evaluate_training_phase"),
        momentum=figures.figure("batch_norm.momentum"),
        updates=figures.figure("batch_norm.updates") or 0,
        initial_weight=figures.figure("batch_norm.initial_weight") or 0.0,
        distance=None if distance is None else float(distance),
        validation=_accuracy(figures, "validation"),
        validation_images=_pixels(record.validation_images),
        spread=None if drift is None else drift.batches,
    )


def _pixels(records: Sequence[ImageRecord]) -> list[Pixels]:
    return [Pixels(image.name, image.mean, image.standard_deviation) for image in records]


def _accuracy(figures: Measurements, group: str) -> float | None:
    accuracy = figures.figure(f"{group}.accuracy")
    return None if accuracy is None else float(accuracy)
