"""What happened in a run, in sentences: every report, issue text and diagnosis takes them from here.

Code is between backticks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from repro.base.text import exact, percent, rounded
from repro.explain.criteria import CONVERGED, are_apart, has_learned, updates_needed
from repro.runs.progress import power

LOOK_AT_OTHER_LAYERS = "look at Dropout and other layers that act differently in training"
NO_BATCH_NORM = "this model has no BatchNormalization layers"
_VERDICTS = {
    "REPRODUCED": "every claim that counted held",
    "NOT_REPRODUCED": "at least one claim failed",
    "INCONCLUSIVE": "the claims could not be decided",
}


def verdict_meaning(verdict: str) -> str:
    """Return what a verdict means."""
    return _VERDICTS[verdict]


def ending(state: str, reason: str) -> str:
    """Return how a run without a verdict ended."""
    return f"the run {state}: {reason or 'no reason is recorded'}"


def summary(measurements: dict[str, Any], images: int) -> list[str]:
    """Return what happened and why; nothing of what was not measured."""
    return [sentence for sentence in (final_accuracies(measurements), *why(measurements, images)) if sentence]


def why(measurements: dict[str, Any], images: int) -> list[str]:
    """Return why the phases differ, and whether that is as it should be; empty if too little was measured."""
    return [sentence for sentence in (phases(measurements, images), moving_averages(measurements)) if sentence]


def is_expected(measurements: dict[str, Any]) -> bool:
    """Return whether the moving averages alone explain what is seen: nothing is defective."""
    norm = measurements.get("batch_norm") or {}
    weight, momentum = float(norm.get("initial_weight") or 0.0), float(norm.get("momentum") or 0.0)
    return weight >= CONVERGED and 0 < momentum < 1


def final_accuracies(measurements: dict[str, Any]) -> str:
    """Return the accuracies of fit, evaluate and predict in a sentence; empty if none was measured."""
    fit = measurements.get("fit") or {}
    parts = [f"`fit` ends at accuracy {exact(fit['accuracy'][-1])}"] if fit.get("accuracy") else []
    for name in ("evaluate", "predict"):
        accuracy = (measurements.get(name) or {}).get("accuracy")
        if accuracy is not None:
            parts.append(f"`{name}` on the same images gives {exact(accuracy)}")
    return ", ".join(parts) + "." if parts else ""


def phases(measurements: dict[str, Any], images: int) -> str:
    """Return how the two phases compare on the same weights and images, by the criteria of `diagnose`.

    Empty if one of them was not measured.
    """
    training = (measurements.get("evaluate_training_phase") or {}).get("accuracy")
    inference = (measurements.get("evaluate") or measurements.get("predict") or {}).get("accuracy")
    if training is None or inference is None:
        return ""
    figures = (
        f"the same weights are right on {_right(training, images)} of the very images they were trained on in "
        f"training phase, and on {_right(inference, images)} in inference phase (`evaluate`, `predict`)."
    )
    if not are_apart(float(training), float(inference)):
        if has_learned(float(inference)):
            return "Training phase and inference phase agree here: with these settings nothing is wrong between them."
        return f"The model has not learned its training images: {figures}"
    if not measurements.get("batch_norm"):
        return f"The phases differ: {figures} No moving averages were measured: {LOOK_AT_OTHER_LAYERS}."
    if float(training) < float(inference):
        return f"Inference phase is the better one here, and why cannot be told: {figures}"
    return (
        f"It is no error in the calls or the data: {figures} Only what BatchNormalization normalises with differs: "
        f"the batch's own mean and variance there, their moving averages here."
    )


def moving_averages(measurements: dict[str, Any]) -> str:
    """Return what the moving averages consist of, and whether that is as it should be; empty if nothing moves."""
    norm = measurements.get("batch_norm")
    if not norm or not norm.get("updates"):
        return ""
    updates, momentum, weight = norm["updates"], norm["momentum"], norm["initial_weight"]
    sentence = (
        f"After {updates} updates at momentum {momentum} the moving mean and variance still consist to "
        f"{percent(weight)} (`{momentum} ** {updates}` = {exact(weight)}) of their initial values 0 and 1"
    )
    if float(weight) == 0.0 != power(momentum, updates):
        sentence = f"After {updates} updates nothing of the initial values 0 and 1 is left: these averages are debiased"
    distance = norm.get("moving_to_batch_distance")
    if distance is not None:
        sentence += f"; in the median layer {percent(distance)} of the way to the batch statistics is still to go"
    if not is_expected(measurements):
        return f"{sentence}: the initial values are not what matters here."
    return (
        f"{sentence}. That is the documented, expected behaviour of a moving average, not a defect: "
        f"{updates_needed(momentum)} updates bring it under 1 %, a lower momentum does so sooner, and re-estimating "
        f"the statistics in one pass does so at once."
    )


def remaining_distance(updates: int, momentum: float, weight: Any, median: Any) -> str:
    """Return how to read a drawing of each layer's remaining distance, whose dashed line is the initial weight."""
    return (
        f"After {updates} updates at momentum {exact(momentum)} the initial values still weigh `{exact(weight)}` "
        f"(dashed). 1: as at the start; 0: equal to the batch statistics. The median over layers is `{exact(median)}`."
    )


# --- parts of a diagnosis ---


def not_converged(updates: int, momentum: float, weight: float) -> str:
    """Return how much the initial values still weigh in the moving statistics."""
    return f"{_not_converged(updates, momentum)} still weigh {percent(weight)}"


def not_converged_in_variance(updates: int, momentum: float, share: float) -> str:
    """Return how much of a channel's moving variance the initial values still are."""
    return f"{_not_converged(updates, momentum)} are up to {percent(share)} of a variance"


def _not_converged(updates: int, momentum: float) -> str:
    after = f"after {updates} updates at momentum {momentum:g}"
    return f"moving statistics have not converged: {after} their initial values"


def both_phases(training: float, inference: float, shuffled: float | None = None) -> str:
    """Return the accuracies of both phases; `shuffled`: that of shuffled batches in training phase."""
    in_batches = "" if shuffled is None else f" ({percent(shuffled)} in shuffled batches)"
    return f"{percent(training)} right in training phase{in_batches}, {percent(inference)} in inference"


def trial(trial: Mapping[str, Any]) -> str:
    """Return what a trial of a remedy gave: how many samples are right then, or the loss if they have no classes."""
    if trial["right"] is None:
        given = f"loss {rounded(trial['loss'], 6)} (before: {rounded(trial['loss_before'], 6)})"
    else:
        given = f"{trial['right']} of {trial['of']} right (before: {trial['before']})"
    return f"{trial['says']}: {given}: {'works' if trial['works'] else 'does not mend it'}"


def _right(accuracy: Any, images: int) -> str:
    """`2 of 3`; the accuracy itself if it is not a whole number of images."""
    value = float(accuracy)
    if math.isfinite(value) and abs(value * images - round(value * images)) < 1e-3:
        return f"{round(value * images)} of {images}"
    return f"a share of {exact(accuracy)}"
