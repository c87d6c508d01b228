"""A recording in rows of words: the program, its training, its data, the figures of both phases, what was tried.

Reports, issue texts and comparisons take them from here. Nothing here is safe to print as it is: escape it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any, NamedTuple

from repro.base.text import exact, rounded
from repro.explain import sentences
from repro.explain.causes.finding import Finding
from repro.runs import recorded_events as recorded
from repro.runs import recorded_values
from repro.runs.recorded_progress import FitEvidence, RecordedProgress
from repro.runs.recorded_record import Recorded

MAX_CLASSES = 12
MAX_INPUTS = 20

Row = tuple[str, Any]


class FigureRow(NamedTuple):
    """One measurement; None where there was none."""

    what: str
    loss: Any
    accuracy: Any
    samples: int | None = None


class DataRow(NamedTuple):
    """Facts of one input or target."""

    what: str
    shape: str
    values: str
    faults: str


def program(record: Recorded) -> list[Row]:
    """Return what is known of the program: never its text."""
    arguments = " ".join(record.arguments)
    git = record.git
    dirty = {True: ", files were changed", False: ", nothing was changed", None: ""}
    rows: list[Row] = [
        ("program", record.script or "no file (typed in, or a notebook)"),
        ("SHA-256 of the program", record.script_sha256),
        ("arguments", arguments or "none"),
        ("git commit", None if git is None or git.commit is None else f"{git.commit}{dirty[git.dirty]}"),
        ("Keras", f"{record.keras} ({record.keras_module}), backend {record.backend or 'not known'}"),
        ("TensorFlow", record.tensorflow),
        ("Python", record.python),
    ]
    return [row for row in rows if row[1] is not None]


def training(fit: FitEvidence) -> list[Row]:
    """Return how the model was compiled and fitted, as the program asked."""
    started, ended = fit.started, fit.ended
    rows: list[Row] = [
        ("call", started.call if fit.number == 1 else f"{started.call}, number {fit.number} of this model"),
        ("epochs", started.epochs),
        ("steps", None if ended is None else ended.steps),
        ("batch size", started.batch_size),
        ("arguments of fit", _settings(started.arguments)),
        *(_compiled(started.compiled) if started.compiled is not None else []),
    ]
    return [row for row in rows if row[1] not in (None, "")]


def _compiled(compiled: recorded_values.Compiled) -> Iterator[Row]:
    optimizer = compiled.optimizer
    yield "optimizer", None if optimizer is None else optimizer.name
    yield "learning rate", compiled.learning_rate
    yield "optimizer settings", None if optimizer is None else _settings(optimizer.config)
    yield "loss", ", ".join(compiled.loss or [])
    logits = [one for one in compiled.from_logits or [] if one is not None]
    yield "from_logits", ", ".join(map(exact, logits))
    yield "metrics", ", ".join(compiled.metrics or [])
    yield "dtype policy", compiled.dtype_policy
    for name in ("run_eagerly", "jit_compile", "custom_train_step", "custom_call"):
        if getattr(compiled, name):
            yield name, exact(getattr(compiled, name))
    if (compiled.steps_per_execution or 1) > 1:
        yield "steps_per_execution", compiled.steps_per_execution


def _settings(settings: dict[str, Any] | None) -> str:
    """Return settings that are set, as they would be typed."""
    shown = {name: value for name, value in (settings or {}).items() if value not in (None, [], False, "")}
    return ", ".join(f"{name}={exact(value)}" for name, value in shown.items() if name != "name")


def data(fit: FitEvidence) -> list[DataRow]:
    """Return the facts of what was trained and validated on, and of what the program asked about afterwards."""
    ended = fit.ended
    rows = list(_data_rows("fit", (ended.data if ended is not None else None) or fit.started.data))
    rows += _data_rows("validation", (ended.validation if ended is not None else None) or fit.started.validation)
    for call in fit.calls[:MAX_INPUTS]:
        rows += _data_rows(f"{call.kind} (call {call.call})", call.data)
    return rows


def _data_rows(where: str, data: recorded_values.Data | None) -> Iterator[DataRow]:
    if data is None:
        return
    rows = "rows not counted" if data.rows is None else f"{data.rows} rows"
    source = data.source or data.kind
    for what, found in (("input", data.inputs or []), ("target", data.targets or [])):
        for facts in found[:MAX_INPUTS]:
            name = "" if facts.name in (None, "x", "y") else f" {facts.name}"
            shape = f"{rows}, each {_shape(facts.shape)}, {facts.dtype or 'of unknown type'}, from {source}"
            yield DataRow(f"{where}: {what}{name}", shape, _values(facts), _faults(facts, data))


def _shape(shape: list[int | None] | None) -> str:
    if shape is None:
        return "of unknown shape"
    return " x ".join("?" if one is None else str(one) for one in shape) or "one value"


def _values(facts: recorded_values.Facts) -> str:
    labels = facts.labels
    if labels is not None and labels.counts and labels.kind not in ("real", "soft"):
        counts = list(labels.counts.items())
        shown = ", ".join(f"{count} x {name}" for name, count in counts[:MAX_CLASSES])
        more = f" and {len(counts) - MAX_CLASSES} classes more" if len(counts) > MAX_CLASSES else ""
        return f"{labels.kind} labels: {shown}{more}"
    if facts.minimum is None:
        return "no figures"
    spread = "" if facts.mean is None else f", mean {rounded(facts.mean)}, deviation {rounded(facts.deviation)}"
    return f"{rounded(facts.minimum)} to {rounded(facts.maximum)}{spread}"


def _faults(facts: recorded_values.Facts, data: recorded_values.Data) -> str:
    """Return what is odd about an input, in words; empty if nothing is."""
    parts = []
    for count, word in (
        (facts.nan, "NaN"),
        (facts.infinite, "infinite values"),
        (facts.constant_columns, "constant columns"),
    ):
        if count:
            parts.append(f"{count} {word}")
    if data.complete is False:
        parts.append(f"{data.looked or 0} rows looked at")
    if data.shuffled:
        parts.append("another order on each pass")
    return ", ".join(parts)


def figures(fit: FitEvidence, loss: list[Any], accuracy: list[Any]) -> list[FigureRow]:
    """Return what fit reported last, and what was measured at its weights in both phases and by the program itself."""
    rows = [FigureRow(f"fit, epoch {len(loss)}", loss[-1], accuracy[-1] if accuracy else None)] if loss else []
    which: recorded_values.SampleSet
    phase: recorded_values.Phase
    for which in ("fit", "validation"):
        for phase in ("training", "inference"):
            measured = fit.figures(phase, which)
            if measured is not None:
                samples = "samples of fit" if which == "fit" else "validation samples"
                rows.append(_figure_row(f"{phase} phase, {samples}", measured))
    rows += [_own_figures(call, fit.started.compiled) for call in fit.calls[:MAX_INPUTS] if call.figures or call.raised]
    return rows


def _own_figures(call: recorded.CallObserved, compiled: recorded_values.Compiled | None) -> FigureRow:
    """Return what a call of the program's own gave. Keras 3 calls its only metric `compile_metrics`."""
    what = f"the program's own {call.kind}{'' if call.model == 'this' else ' of another model'}"
    if call.raised is not None:
        return FigureRow(f"{what} raised", None, None)
    figures = call.figures or {}
    metrics = (compiled.metrics or []) if compiled is not None else []
    names = {("compile_metrics" if len(metrics) == 1 else name): name for name in metrics}
    accuracies = [value for name, value in figures.items() if "acc" in names.get(name, name)]
    rows = None if call.data is None else call.data.rows
    return FigureRow(what, figures.get("loss"), accuracies[0] if accuracies else None, rows)


def _figure_row(what: str, measured: recorded.Measured) -> FigureRow:
    accuracy = measured.accuracy if measured.accuracy is not None else measured.right
    return FigureRow(what, measured.loss, accuracy, measured.samples)


def first_apart(fit: FitEvidence) -> str | None:
    """Return the first layer whose outputs differ between the phases, in words; None if it is not known."""
    phases = next((event for event in fit.phases if event.set_ == "fit"), None)
    if phases is None or not phases.layers:
        return None
    if phases.first is None or phases.first >= len(phases.layers):
        return f"none of {len(phases.layers)} layers answers otherwise in training phase"
    layer = phases.layers[phases.first]
    return (
        f"{layer.name} ({layer.class_}) is the first of {len(phases.layers)} layers whose output differs between the "
        f"phases, by {rounded(layer.distance)} of its own deviation"
    )


def tried(finding: Finding) -> list[str]:
    """Return the trials of a finding, a line for each."""
    return [sentences.trial(dataclasses.asdict(trial)) for trial in finding.trials]


def missing(recording: RecordedProgress) -> list[str]:
    """Return what could not be kept or measured, a line for each."""
    lines = [f"{event.what}: {event.reason}" for event in recording.missing]
    return list(dict.fromkeys([*lines, *(f"{fault.where}: {fault.error}" for fault in recording.faults)]))


def settings(record: Recorded, recording: RecordedProgress | None) -> list[Row]:
    """Return what decides a recording's figures: program, training and data."""
    rows = program(record)
    if recording is None or recording.fit is None:
        return rows
    fit = recording.fit
    of_fit = (fit.ended.data if fit.ended is not None else None) or fit.started.data
    about_data = [] if of_fit is None else [("rows of data", of_fit.rows), ("SHA-256 of the data", of_fit.sha256)]
    return [*rows, *training(fit), *about_data]
