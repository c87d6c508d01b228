"""What a maintainer asks of a run, in sentences: what happened, what differs, whose error it is, what the cause is."""

from __future__ import annotations

import math
from typing import Any

from repro.base.text import exact, percent
from repro.explain.diagnosis import CONVERGED, apart, learned, updates_needed
from repro.runs.progress import power


def expected_behaviour(measurements: dict[str, Any]) -> bool:
    """Whether the moving averages alone explain what is seen: nothing is defective."""
    norm = measurements.get("batch_norm") or {}
    weight, momentum = float(norm.get("initial_weight") or 0.0), float(norm.get("momentum") or 0.0)
    return weight >= CONVERGED and 0 < momentum < 1


def phases(measurements: dict[str, Any], images: int) -> str:
    """How the two phases compare on the same weights and images, as `diagnose` judges it; empty where not both were
    measured."""
    training = (measurements.get("evaluate_training_phase") or {}).get("accuracy")
    inference = (measurements.get("evaluate") or measurements.get("predict") or {}).get("accuracy")
    if training is None or inference is None:
        return ""
    figures = (
        f"the same weights are right on {_right(training, images)} of the very images they were trained on in "
        f"training phase, and on {_right(inference, images)} in inference phase (`evaluate`, `predict`)."
    )
    if not apart(float(training), float(inference)):
        if learned(float(inference)):
            return "Training phase and inference phase agree here: with these settings nothing is wrong between them."
        return f"The model has not learned its training images: {figures}"
    if not measurements.get("batch_norm"):
        other = "No moving averages were measured: look at Dropout and other layers that act differently in training."
        return f"The phases differ: {figures} {other}"
    if float(training) < float(inference):
        return f"Inference phase is the better one here, and why cannot be told: {figures}"
    return (
        f"It is no error in the calls or the data: {figures} Only what BatchNormalization normalises with differs: "
        f"the batch's own mean and variance there, their moving averages here."
    )


def moving_averages(measurements: dict[str, Any]) -> str:
    """What the moving averages consist of, and whether that is as it should be; empty where nothing moves."""
    norm = measurements.get("batch_norm")
    if not norm or not norm.get("updates"):
        return ""
    updates, momentum, weight = norm["updates"], norm["momentum"], norm["initial_weight"]
    words = (
        f"After {updates} updates at momentum {momentum} the moving mean and variance still consist to "
        f"{percent(weight)} (`{momentum} ** {updates}` = {exact(weight)}) of their initial values 0 and 1"
    )
    if float(weight) == 0.0 != power(momentum, updates):
        words = f"After {updates} updates nothing of the initial values 0 and 1 is left: these averages are debiased"
    distance = norm.get("moving_to_batch_distance")
    if distance is not None:
        words += f"; in the median layer {percent(distance)} of the way to the batch statistics is still to go"
    if not expected_behaviour(measurements):
        return f"{words}: the initial values are not what matters here."
    return (
        f"{words}. That is the documented, expected behaviour of a moving average, not a defect: "
        f"{updates_needed(momentum)} updates bring it under 1 %, a lower momentum does so sooner, and re-estimating "
        f"the statistics in one pass does so at once."
    )


def _right(accuracy: Any, images: int) -> str:
    """`2 of 3`; the accuracy itself where it is no whole number of images."""
    value = float(accuracy)
    if math.isfinite(value) and abs(value * images - round(value * images)) < 1e-3:
        return f"{round(value * images)} of {images}"
    return f"a share of {exact(accuracy)}"
