"""label-order: classes, or rows, stand in another order than the labels that answers are compared with."""

from __future__ import annotations

import math

from repro.explain.causes.evidence import Evidence, Inputs, Other, Trial
from repro.explain.causes.finding import CONSISTENT, PROVED, Finding, numbers, row
from repro.explain.causes.others import compared, numbers_of
from repro.explain.criteria import FEWEST_SAMPLES, RENAMED_DEVIATIONS, SAMPLES_A_CLASS


def find(evidence: Evidence, other: Other) -> Finding | None:
    """Return the finding that other samples are right with the classes renamed."""
    trial = next(other.trials_of("permutation"), None)
    if trial is None or other.score.samples < SAMPLES_A_CLASS * len(trial.renamed):
        return None
    moved = [f"{place} means {label}" for place, label in enumerate(trial.renamed) if place != label]
    if not moved or not evidence.works(trial, other.score, evidence.inference) or _may_be_chance(trial):
        return None
    if _rests_on_unseen_classes(evidence, other, trial):
        return None
    names = ", ".join(moved[:6])
    says = (
        f"the classes are in another order than in fit: {compared(evidence, other)}, and "
        f"{evidence.say(trial.score)} where {names}"
    )
    # Red and blue exchanged may look the same; without that trial the two cannot be told apart.
    may_be_colours = len(other.inputs.channels) == 3 and next(other.trials_of("channels"), None) is None
    figures = numbers_of(
        evidence,
        other,
        CONSISTENT if may_be_colours else PROVED,
        classes=len(trial.renamed),
        renamed_classes=len(moved),
        renaming=names,
    )
    remedy = f"make the labels by the same list of classes as in fit ({names})"
    made = row(evidence, f"classes renamed ({names})", trial, other.score, evidence.inference)
    return Finding("label-order", says, figures, remedy, [made])


def _rests_on_unseen_classes(evidence: Evidence, other: Other, trial: Trial) -> bool:
    """Whether the renaming moves no class that training saw: what it never saw is right under some name."""
    seen, there = (_numbers_of_classes(inputs) for inputs in (evidence.inputs, other.inputs))
    if not seen or not there:
        return False
    moved = {label for place, label in enumerate(trial.renamed) if place != label}
    return not moved & seen & there


def _numbers_of_classes(inputs: Inputs) -> set[int]:
    names = [name for name, count in (inputs.classes or {}).items() if count]
    return {int(float(name)) for name in names if name.replace(".", "", 1).isdigit()}


def _may_be_chance(trial: Trial) -> bool:
    """Whether answers that know nothing of the labels may be as often right, under the best of all renamings."""
    chance, samples = 1 / max(2, len(trial.renamed)), trial.score.samples
    deviation = math.sqrt(chance * (1 - chance) / samples) if samples else math.inf
    return trial.score.right is not None and trial.score.right < chance + RENAMED_DEVIATIONS * deviation


def find_shuffled_rows(evidence: Evidence) -> Finding | None:
    """Return the finding that predict was given a source whose rows come in another order on every pass."""
    for call in evidence.calls:
        if not call.what.startswith("predict"):
            continue
        for order in call.orders:
            is_same = order.is_same_source and order.common == order.rows and order.rows >= FEWEST_SAMPLES
            if is_same and not order.is_same_order:
                says = (
                    f"{call.what} was given a {call.source or 'source'} whose rows come in another order on each pass: "
                    f"its answers do not belong to labels that were read in another pass; {evidence.phases}"
                )
                figures = numbers(evidence, PROVED, rows=order.rows, source=call.source)
                remedy = "predict from a source that does not shuffle, or take labels and answers from one pass"
                return Finding("label-order", says, figures, remedy)
    return None
