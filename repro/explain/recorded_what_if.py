"""What a recording says about other momenta: the trials that its recorder made in the program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from repro.base import arrays
from repro.base.errors import InputError
from repro.runs import recorded_events as recorded
from repro.runs.directory import RunDirectory
from repro.runs.events import to_number
from repro.runs.progress import prediction
from repro.runs.recorded_progress import FitEvidence


def answers(run: RunDirectory, momenta: Sequence[float], *, debiased: bool, re_estimated: bool) -> list[dict[str, Any]]:
    """Return an answer for each momentum, and for other statistics if they are asked for.

    InputError names the momenta that there are, if one was not tried, or says why none was.
    """
    progress = run.progress()
    fit = progress.recorded.fit if progress.recorded is not None else None
    if fit is None:
        raise InputError(f"the recording {run.id} has no fit", do="record a program that trains")
    by_momentum = {float(trial.momentum or 0.0): trial for trial in fit.trials_of("momentum")}
    for momentum in momenta:
        if momentum not in by_momentum:
            raise _not_tried(run, fit, momentum, sorted(by_momentum))
    rows = [_answer(run, progress.epoch, fit, by_momentum[momentum], "moving", momentum) for momentum in momenta]
    for kind, is_asked in (("debiased", debiased), ("re-estimated", re_estimated)):
        if is_asked:
            trial = next(fit.trials_of(kind), None)
            if trial is None:
                raise InputError(f"the recording {run.id} has no trial with {kind} statistics", do="ask without it")
            rows.append(_answer(run, progress.epoch, fit, trial, kind, _own_momentum(fit)))
    return rows


def _not_tried(run: RunDirectory, fit: FitEvidence, momentum: float, tried: list[float]) -> InputError:
    if tried:
        what = f"--momentum: the recording {run.id} has no trial at {momentum:g}"
        return InputError(what, do=f"choose from {', '.join(f'{value:g}' for value in tried)}")
    reasons = [trial.reason for trial in fit.trials if trial.kind == "momentum" and trial.reason]
    why = f" ({reasons[0]})" if reasons else ""
    return InputError(f"the recording {run.id} has no trial at another momentum{why}", do="ask `repro diagnose`")


def _own_momentum(fit: FitEvidence) -> float:
    norms = (fit.ended.batch_norm or []) if fit.ended is not None else []
    return max((float(norm.momentum) for norm in norms if norm.momentum is not None), default=0.0)


def _answer(
    run: RunDirectory, epoch: int, fit: FitEvidence, trial: recorded.TrialMade, statistics: str, momentum: float
) -> dict[str, Any]:
    """One trial in the shape of an answer of a traced run, and `deviation`: how exact the replay is."""
    return {
        "momentum": momentum,
        "epoch": epoch,
        "statistics": statistics,
        "exact": False,
        "predict": _prediction(run, fit, trial),
        "evaluate": {"loss": trial.loss, "accuracy": trial.right if trial.right is not None else trial.accuracy},
        "seconds": 0.0,
        "deviation": trial.deviation,
    }


def _prediction(run: RunDirectory, fit: FitEvidence, trial: recorded.TrialMade) -> dict[str, Any]:
    """Probabilities, classes and accuracy of a trial; {} if its outputs are no classes, or were not kept."""
    measured = fit.figures("inference")
    labels = None if measured is None else measured.labels
    if trial.outputs is None or trial.right is None or labels is None:
        return {}
    try:
        table = arrays.read(run.file(trial.outputs))
    except InputError:
        return {}
    if table.ndim == 1:
        table = table[:, None]
    if table.ndim != 2 or not table.size or len(table) > len(labels):
        return {}
    if table.shape[1] == 1 and not bool(((table >= 0) & (table <= 1)).all()):
        return {}  # one unit of log-odds
    rows = [[to_number(float(value)) for value in row] for row in table]
    if table.shape[1] == 1:
        rows = [[to_number(1.0 - float(row[0])), row[0]] for row in rows]
    return dict(msgspec.to_builtins(prediction(rows, labels[: len(rows)])))
