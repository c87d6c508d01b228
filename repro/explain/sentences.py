"""What happened in a run, in sentences: every report, issue text, diagnosis and screen takes them from here.

In texts, code is between backticks. A `Sentence` is in phrases, which a command prints plainly and a screen colours.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from repro.base.text import exact, one_line, percent, rounded, three_digits
from repro.explain.criteria import CONVERGED, are_apart, has_learned, updates_needed
from repro.explain.phrases import ROOMY, VERY_WIDE, Phrase, Sentence
from repro.runs.event_base import Number
from repro.runs.events import BatchSpread
from repro.runs.progress import power

LOOK_AT_OTHER_LAYERS = "look at Dropout and other layers that act differently in training"
NO_BATCH_NORM = "this model has no BatchNormalization layers"
SMALL_WEIGHT = 0.05  # below it the weight of the initial values is good news
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


# --- about layers and traces ---


def accuracies(training: Number, inference: Number) -> Sentence:
    """Return the accuracy in each phase."""
    return (
        Phrase("Same weights, same images: accuracy "),
        Phrase(rounded(training), "good"),
        Phrase(" in training, "),
        Phrase(rounded(inference), "good" if float(training) == float(inference) else "bad"),
        Phrase(" in inference."),
    )


def initial_weight(momentum: float, updates: int, weight: float, *, is_power: bool = True) -> Sentence:
    """Return what the initial values weigh; `is_power`: it is momentum ** updates."""
    formula = f"{rounded(momentum)}^{updates} = " if is_power else ""
    when = f"; under 1 % after {updates_needed(momentum)}" if 0 < momentum < 1 and weight > CONVERGED else ""
    return (
        *_weight(f"{formula}{rounded(weight)}", is_good=weight < SMALL_WEIGHT),
        Phrase(f" after {updates} update{'s' if updates != 1 else ''}"),
        Phrase(when, "quiet", least_width=ROOMY),
        Phrase("."),
    )


def weight_in_answer(momentum: float, updates: int, *, is_used: bool, instead: str) -> Sentence:
    """Return what the initial values weigh in an answer; `instead`: what became of them if they are not used."""
    weight = power(momentum, updates)
    formula = f"{momentum:g}^{updates} = {rounded(weight)}"
    ending = "." if is_used else f"; {instead}."
    return (*_weight(formula, is_good=weight < SMALL_WEIGHT or not is_used), Phrase(ending))


def _weight(formula: str, *, is_good: bool) -> Sentence:
    return (Phrase("Initial values weigh "), Phrase(formula, "good" if is_good else "bad", bold=True))


def divergence(number: int, layer: str, mean_shift: float, std_ratio: float) -> Sentence:
    """Return from which layer on the phases put out something else, and how far they are apart there."""
    return (
        Phrase("The phases diverge at layer "),
        Phrase(f"{number}, {one_line(layer, 40)}", "bad", bold=True),
        Phrase(": "),
        Phrase("training sees mean 0 and deviation 1, inference a ", least_width=VERY_WIDE),
        Phrase(f"mean off by {three_digits(mean_shift)}, std ratio {three_digits(std_ratio)}."),
    )


NO_DIVERGENCE: Sentence = (Phrase("✓ At no layer do the phases diverge by more than a tenth.", "good"),)
NO_ARRAYS: Sentence = (Phrase("The run holds no arrays for this epoch: the last two columns stay empty.", "quiet"),)


def batch_spread(batches: BatchSpread) -> Sentence:
    """Return how far apart the statistics of shuffled batches are."""
    return (
        Phrase(
            f"Over {batches.count} shuffled batches: accuracy {rounded(batches.accuracy)} in training, batch means "
        ),
        Phrase(f"{three_digits(batches.mean_spread)} standard deviations apart; the largest variance is "),
        Phrase(f"{three_digits(batches.largest_variance)} times the median, in {one_line(batches.layer, 40)}."),
    )


# How far the answer to a what-if question can be trusted.
NO_RUN_DEBIASED: Sentence = (Phrase("≠ No run predicts so: the averages without their initial values.", "odd"),)
NO_RUN_RE_ESTIMATED: Sentence = (Phrase("≠ No run predicts so: statistics of one pass with these weights.", "odd"),)
MEASURED: Sentence = (Phrase("= Exact: measured in this very run.", "good"),)
BIT_FOR_BIT: Sentence = (Phrase("= Exact: bit for bit what training at this momentum gives.", "good"),)
CLOSE: Sentence = (Phrase("≈ Close, not bit for bit: this environment rounds each update otherwise.", "odd"),)


def _right(accuracy: Any, images: int) -> str:
    """`2 of 3`; the accuracy itself if it is not a whole number of images."""
    value = float(accuracy)
    if math.isfinite(value) and abs(value * images - round(value * images)) < 1e-3:
        return f"{round(value * images)} of {images}"
    return f"a share of {exact(accuracy)}"
