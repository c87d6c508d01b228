"""Causes that lie in what layers do: answers that depend on the batch, and layers that draw random numbers."""

from __future__ import annotations

import numpy as np

from repro.explain import sentences
from repro.explain.causes.case import (
    FEWEST_SAMPLES,
    PROVED,
    Case,
    RecordedFinding,
    classes_of,
)
from repro.explain.criteria import GAP
from repro.runs import recorded_events as recorded
from repro.runs.verdict import ROUND_OFF

# Half precision alone changes an output by less than a hundredth of its deviation.
ALONE_DISTANCE = 0.02


def batch_dependent(case: Case) -> list[RecordedFinding]:
    """Return the finding that a sample alone is answered otherwise than in a batch, in inference phase."""
    phases = case.layer_phases
    if phases is None or phases.first_alone is None or phases.first_alone >= len(phases.layers or []):
        return []
    if phases.first_repeated is not None and phases.first_repeated <= phases.first_alone:
        return []  # a sample is answered otherwise whenever it is asked
    layer = (phases.layers or [])[phases.first_alone]
    changed = _changed_answers(case)
    if float(layer.inference_distance_alone or 0.0) < ALONE_DISTANCE or changed is None:
        return []
    count, share, distance = changed
    if share is not None and share < GAP - ROUND_OFF:
        return []
    if share is None and distance < GAP:
        return []
    is_norm = "BatchNorm" in (layer.class_ or "")
    why = f"{layer.name} normalises by the batch in inference phase too" if is_norm else f"at {layer.name} they part"
    figure = (
        f"{round(share * count)} of {count} samples get another class" if share is not None else "the outputs differ"
    )
    says = f"answers depend on the batch: alone, one at a time, {figure}; {why}"
    numbers = case.numbers(
        PROVED,
        samples_alone=count,
        changed_answers=share,
        distance_of_outputs=distance,
        layer=layer.name,
        distance_at_layer=float(layer.inference_distance_alone or 0.0),
    )
    alone = case.fit.figures("inference", alone=True)
    if alone is not None and alone.right is not None:
        numbers["alone_accuracy"] = float(alone.right)
    remedy = "call the layer without training=True, so that it uses its moving statistics in inference phase"
    return [RecordedFinding("batch-dependent", says, numbers, remedy if is_norm else f"look at what {layer.name} does")]


def drawing_layer(case: Case) -> str | None:
    """Return the first layer whose output in inference phase differs when the same samples pass again; None if none."""
    phases = case.layer_phases
    if phases is None or phases.first_repeated is None or phases.first_repeated >= len(phases.layers or []):
        return None
    layer = (phases.layers or [])[phases.first_repeated]
    return layer.name if float(layer.inference_distance_repeated or 0.0) >= ALONE_DISTANCE else None


def random_in_inference(case: Case) -> list[RecordedFinding]:
    """Return the finding that a layer draws random numbers in inference phase, so that answers change by chance."""
    name, changed = drawing_layer(case), _changed_answers(case)
    if name is None or changed is None:
        return []
    count, share, _ = changed
    if share is None or share < GAP - ROUND_OFF:
        return []
    says = (
        f"{name} draws random numbers in inference phase, too: asked again, {round(share * count)} of {count} samples "
        f"get another class; {case.phases}"
    )
    numbers = case.numbers(PROVED, layer=name, samples_again=count, changed_answers=share)
    remedy = f"let {name} draw in training phase only, as keras.layers.Dropout does"
    return [RecordedFinding("stochastic-layers", says, numbers, remedy)]


def _changed_answers(case: Case) -> tuple[int, float | None, float] | None:
    """(samples, share whose class is another one alone, distance of outputs in deviations); None if not measured.

    The share is None for outputs that are no classes.
    """
    alone = case.fit.figures("inference", alone=True)
    if alone is None or case.inference is None:
        return None
    single, batch = case.array(alone.outputs), case.array(case.inference.outputs)
    if single is None or batch is None or len(single) < FEWEST_SAMPLES or single.shape[1:] != batch.shape[1:]:
        return None
    batch = batch[: len(single)]
    deviation = float(np.std(batch.astype(np.float64))) or 1.0
    distance = float(np.sqrt(np.mean((single.astype(np.float64) - batch) ** 2))) / deviation
    if not case.by_right:
        return len(single), None, distance
    left, right = classes_of(single), classes_of(batch)
    if left is None or right is None:
        return None
    return len(single), float(np.mean(left != right)), distance


def stochastic_layers(case: Case) -> list[RecordedFinding]:
    """Return the finding that training is worse than inference since dropout or augmentation is on: no fault."""
    if not case.stochastic or not case.is_better(case.inference, case.training):
        return []
    trial = case.trial("stochastic")
    alone = trial if trial is not None else case.training if not case.norms else None
    if alone is None or not case.is_better(case.inference, alone) or case.differs(alone, case.training):
        return []
    names = ", ".join(case.stochastic[:3])
    says = (
        f"no fault: {names} {'is' if len(case.stochastic) == 1 else 'are'} on in training only, so that what fit "
        f"reports is worse than what the model can do; {case.phases}"
    )
    rows = []
    if isinstance(trial, recorded.TrialMade):
        rows = [case.row("only those layers in training phase", trial, case.inference, case.inference, case.samples)]
    numbers = case.numbers(PROVED, layers=", ".join(case.stochastic[:10]))
    return [
        RecordedFinding("stochastic-layers", says, numbers, "nothing to change: evaluate gives the true figure", rows)
    ]


def worse_in_training(case: Case) -> list[RecordedFinding]:
    """Return what can be said if training is worse than inference and nothing explains it."""
    if not case.is_better(case.inference, case.training):
        return []
    says = f"cannot be told: inference phase is the better one: {percent_or_loss(case)}"
    remedy = "look at each layer (repro show --layers): the first one whose phases differ is where to look"
    return [RecordedFinding("cannot-be-told", says, case.numbers("cannot be told"), remedy)]


def percent_or_loss(case: Case) -> str:
    """Return both phases in words."""
    qualities = case.quality(case.training), case.quality(case.inference)
    if case.by_right and None not in qualities:
        return sentences.both_phases(qualities[0] or 0.0, qualities[1] or 0.0)
    return case.phases
