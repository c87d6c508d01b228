"""preprocessing: other samples, or what fit itself was given, were prepared in another way."""

from __future__ import annotations

from typing import Literal

from repro.explain.causes.evidence import Evidence, Inputs, Other, Trial
from repro.explain.causes.finding import CONSISTENT, PROVED, Finding, Numbers, TrialRow, numbers, row, rows
from repro.explain.causes.not_converged import initial_matters
from repro.explain.causes.others import compared, differs, inputs_differ, numbers_of
from repro.explain.criteria import COLOURLESS, FACTOR_TOLERANCE, SCALES

INPUT_TRIALS: tuple[Literal["scale", "channels", "affine", "inverted"], ...] = (
    "scale",
    "channels",
    "affine",
    "inverted",
)


def find(evidence: Evidence, other: Other) -> Finding | None:
    """Return the finding that other samples are right with a change of their inputs, or have very different inputs."""
    working = [
        trial
        for kind in INPUT_TRIALS
        for trial in other.trials_of(kind)
        if evidence.works(trial, other.score, evidence.inference)
    ]
    is_meaningful = bool(working) and (working[0].kind in ("channels", "inverted") or inputs_differ(evidence, other))
    differences = _differences(evidence.inputs, other.inputs)
    if is_meaningful:
        made = [row(evidence, _change(trial), trial, other.score, evidence.inference) for trial in working[:3]]
        change = _change(working[0])
        says = (
            f"other preprocessing than in fit: {compared(evidence, other)}, and "
            f"{evidence.say(working[0].score)} with {change}"
        )
        remedy = f"prepare these samples by the same code as those of fit ({change}: seen to work on this run)"
        return Finding("preprocessing", says, numbers_of(evidence, other, PROVED, **differences), remedy, made)
    what = _very_different(evidence, other)
    if what is None:
        return None
    says = f"other preprocessing than in fit: {what}; {compared(evidence, other)}"
    made = _tried(evidence, other)
    remedy = "prepare both sets of samples by the same code"
    return Finding("preprocessing", says, numbers_of(evidence, other, CONSISTENT, **differences), remedy, made)


def _tried(evidence: Evidence, other: Other) -> list[TrialRow]:
    return [
        row(evidence, _change(trial), trial, other.score, evidence.inference)
        for kind in INPUT_TRIALS
        for trial in other.trials_of(kind)
    ][:3]


def _very_different(evidence: Evidence, other: Other) -> str | None:
    """What sets the inputs of the other samples so far apart that they cannot be of one kind; None if nothing does."""
    here, there = evidence.inputs, other.inputs
    if here.colourfulness is not None and there.colourfulness is not None:
        colours = here.colourfulness, there.colourfulness
        if min(colours) < COLOURLESS <= 5 * COLOURLESS <= max(colours):
            which = ("those of fit", other.what) if colours[0] < colours[1] else (other.what, "those of fit")
            return f"the samples of {which[0]} are grey, {which[1]} are coloured".replace("of those of", "of")
    if not inputs_differ(evidence, other, factor=2.0):
        return None
    apart = [
        (place, one, two)
        for place, (one, two) in enumerate(zip(here.channels, there.channels, strict=False))
        if differs(one.mean, one.deviation, two.mean, two.deviation, 2.0)
    ]
    if apart:
        place, one, two = apart[0]
        where = f"channel {place + 1} has" if len(here.channels) > 1 else "the inputs have"
        if one.of:
            where = f"input {one.of} has"
        return (
            f"{where} mean {one.mean:.4g} and deviation {one.deviation:.4g} in fit, "
            f"{two.mean:.4g} and {two.deviation:.4g} in {other.what}"
        )
    return (
        f"the inputs have mean {here.mean:.4g} and deviation {here.deviation:.4g} in fit, "
        f"{there.mean:.4g} and {there.deviation:.4g} in {other.what}"
    )


def _differences(here: Inputs, there: Inputs) -> dict[str, float | None]:
    return {
        "fit_input_mean": here.mean,
        "fit_input_deviation": here.deviation,
        "there_input_mean": there.mean,
        "there_input_deviation": there.deviation,
    }


def _change(trial: Trial) -> str:
    """What a trial did to the inputs, or to one of several."""
    return f"{_change_of_values(trial)} in input {trial.of}" if trial.of else _change_of_values(trial)


def _change_of_values(trial: Trial) -> str:
    match trial.kind:
        case "channels":
            return "its channels in reverse order"
        case "inverted":
            return "its values inverted"
        case "affine":
            return "each channel brought to the mean and deviation that it had in fit"
    if trial.factor is None:
        return "its values scaled"
    words = f"its values times {trial.factor:.4g}"
    if trial.factor < 1:
        words = f"its values divided by {1 / trial.factor:.4g}"
    return f"{words} {'plus' if trial.offset > 0 else 'minus'} {abs(trial.offset):g}" if trial.offset else words


# --- within fit ---


def find_in_fit(evidence: Evidence) -> Finding | None:
    """Return the finding that fit scaled its inputs, and evaluate and predict do not.

    The first layer's moving statistics are then those of scaled inputs, and the batch's now are larger by that scale.
    """
    if not evidence.norms or initial_matters(evidence):
        return None
    first = evidence.norms[0]
    ratio = first.deviation_ratio
    scale = None if ratio is None else _scale(ratio)
    if ratio is None or scale is None:
        return None
    made_trials = [trial for trial in evidence.trials_of("scale") if trial.factor is not None]
    fitting = next((trial for trial in made_trials if abs(scale * (trial.factor or 0.0) - 1) < FACTOR_TOLERANCE), None)
    is_proved = evidence.works(fitting)
    if fitting is not None and not is_proved:
        return None
    says = (
        f"fit was given other inputs than evaluate and predict: the deviation that {first.name} sees is {ratio:.0f} "
        f"times that of its moving statistics, which a scale of {scale:g} explains; {evidence.phases}"
    )
    figures: Numbers = numbers(evidence, PROVED if is_proved else CONSISTENT, layer=first.name, deviation_ratio=ratio)
    change = f"divide by {scale:g} wherever the model is used, or in its first layer"
    remedy = f"{change}: seen to work on this run" if is_proved else change
    made = rows(evidence, *((f"inputs with {_change(trial)}", trial) for trial in made_trials))
    return Finding("preprocessing", says, figures, remedy, made)


def _scale(ratio: float) -> float | None:
    """The usual scale that a ratio of deviations comes from; None if it is none of them."""
    return next((scale for scale in SCALES if abs(ratio / scale - 1) < FACTOR_TOLERANCE), None)
