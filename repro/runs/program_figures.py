"""The figures that the claims of a script scenario speak of, from what was recorded and printed."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import UNSET, UnsetType

from repro.runs.event_base import Number
from repro.runs.events import to_number
from repro.runs.progress import Progress
from repro.runs.recorded_progress import RecordedProgress
from repro.runs.recorded_values import Phase
from repro.runs.records import Evaluation, Measurements
from repro.scenario import printed
from repro.scenario.script_types import ScriptScenario

_ACCURACIES = ("accuracy", "acc", "sparse_categorical_accuracy", "categorical_accuracy", "binary_accuracy")
_EVALUATIONS = ("evaluate", "evaluate_generator", "test_on_batch")


def measure(progress: Progress, scenario: ScriptScenario, output: bytes) -> tuple[Measurements, dict[str, str]]:
    """Return the measurements of a program's run, and why patterns found nothing in its `output`, by their name.

    `evaluate` is the program's own last call, else the recorder's; the others are the recorder's.
    """
    numbers, reasons = printed.find(scenario.printed, output)
    found = {name: to_number(number) for name, number in numbers.items()}
    return measurements(progress, found), reasons


def measurements(progress: Progress, found: dict[str, Number]) -> Measurements:
    """Return the measurements of a program's run, with what was `found` in its output."""
    plain = progress.measurements()
    recording = progress.recorded
    if recording is None:
        return msgspec.structs.replace(plain, printed=found)
    logs = {name: figures[-1] for name, figures in recording.logs.items() if figures}
    inference = _with_metrics(plain.evaluate, _metrics(recording, "inference"))
    validated = {name[4:]: value for name, value in logs.items() if name.startswith("val_")}
    return msgspec.structs.replace(
        plain,
        evaluate=_own_evaluation(recording) or inference,
        inference=inference,
        evaluate_training_phase=_with_metrics(plain.evaluate_training_phase, _metrics(recording, "training")),
        validation=_with_metrics(plain.validation, validated),
        logs=logs,
        printed=found,
    )


def _own_evaluation(recording: RecordedProgress) -> Evaluation | None:
    """Return what the program's own last `evaluate` after the latest fit said; None if it made none."""
    calls = [] if recording.latest is None else recording.latest.calls
    for call in reversed(calls):
        figures = call.figures or {}
        loss = figures.get("loss")
        if call.kind in _EVALUATIONS and loss is not None:
            return _with_metrics(Evaluation(loss, _accuracy(figures)), figures) or None
    return None


def _metrics(recording: RecordedProgress, phase: Phase) -> Mapping[str, Number | None]:
    measured = None if recording.fit is None else recording.fit.figures(phase)
    return {} if measured is None or measured.metrics is None else measured.metrics


def _accuracy(figures: Mapping[str, Number | None]) -> Number | None:
    """Return the accuracy among the figures of a program; None if it has none."""
    for name in _ACCURACIES:
        if name in figures:
            return figures[name]
    return next((value for name, value in figures.items() if name.endswith(("_accuracy", "_acc"))), None)


def _with_metrics(evaluation: Evaluation | UnsetType, metrics: Mapping[str, Number | None]) -> Evaluation | UnsetType:
    """Return an evaluation with the metrics that are neither its loss nor its accuracy."""
    if evaluation is UNSET:
        return UNSET
    others = {name: value for name, value in metrics.items() if name not in ("loss", "accuracy")}
    return msgspec.structs.replace(evaluation, metrics=others) if others else evaluation
