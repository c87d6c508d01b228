"""What a traced run says about other momenta without its network: layers, weight of the initial values, certainty."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from repro.base.decoding import decode_json
from repro.base.errors import InputError
from repro.base.text import one_line
from repro.explain import sentences
from repro.explain.phrases import Sentence
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.event_base import Count
from repro.runs.progress import prediction
from repro.runs.records import RunRecord
from repro.supervise.what_if import Answer, Statistics, require_traced, snapshots


class _Head(msgspec.Struct):
    """arrays/trace.json as far as it is needed here; `momenta` is missing in runs of earlier versions."""

    channels: list[Count]
    update_rule: Literal["weighted", "difference"]
    momentum: float
    momenta: list[float] = []


@dataclass
class TracedRun:
    """What a run kept of every step, without the rows themselves."""

    run: RunDirectory
    record: RunRecord
    epochs: list[int]
    trained_momenta: list[float]
    update_rule: Literal["weighted", "difference"]
    channels: list[int]
    steps_per_epoch: int
    measured: list[Answer] = field(default_factory=list)

    @property
    def momentum(self) -> float:
        """The run's own; the largest if its layers differ."""
        return self.trained_momenta[-1]

    def updates(self, epoch: int) -> int:
        """Updates of the moving statistics until the end of an epoch."""
        return epoch * self.steps_per_epoch

    def count_right(self, answer: Answer) -> int:
        """Images that an answer puts into the right class."""
        labels = [image.label for image in self.record.images]
        return sum(a == b for a, b in zip(answer.predict["classes"], labels, strict=False))


def read(run: RunDirectory) -> TracedRun:
    """Read a traced run; InputError if it cannot answer what-if questions or is damaged, OSError if unreadable."""
    record = require_traced(run)
    head = _read_head(run)
    scenario = run.require_scenario()
    traced = TracedRun(
        run=run,
        record=record,
        epochs=snapshots(run),
        trained_momenta=sorted({*(head.momenta or [head.momentum])}),
        update_rule=head.update_rule,
        channels=head.channels,
        steps_per_epoch=-(-len(record.images) // scenario.fit.batch_size),
    )
    if len(traced.trained_momenta) == 1:  # what layers of several momenta measured is no answer at one of them
        traced.measured = _measured(traced)
    return traced


def _read_head(run: RunDirectory) -> _Head:
    file = run.file(layout.TRACE_HEADER)
    try:
        return decode_json(file.read_bytes(), _Head)
    except msgspec.DecodeError as error:
        raise InputError(f"damaged ({one_line(str(error), 80)})", do="delete the run", file=file) from None


def _measured(traced: TracedRun) -> list[Answer]:
    """Answers that the run itself gave, at its own momentum."""
    progress = traced.run.progress()
    labels = [image.label for image in traced.record.images]
    return [
        Answer(
            momentum=traced.momentum,
            epoch=epoch,
            statistics="moving",
            exact=True,
            predict=msgspec.to_builtins(prediction(predicted.probabilities, labels)),
            evaluate={"loss": evaluated.loss, "accuracy": evaluated.accuracy},
            seconds=0.0,
        )
        for epoch, predicted in progress.predictions.items()
        if epoch in traced.epochs and (evaluated := progress.evaluations.get(("inference", epoch))) is not None
    ]


def remaining_distances(
    traced: TracedRun, momentum: float, epoch: int, kind: Statistics = "moving"
) -> list[float | None]:
    """Share of the initial distance to the last step's batch statistics, for each layer; None if there was no distance.

    OSError if the rows cannot be read, ValueError if they end before `epoch`.
    """
    import numpy as np  # 60 ms, also in `ms`, which screens that only import this module need not pay

    from repro.explain import moving_statistics as ms

    updates = traced.updates(epoch)
    columns = 2 * sum(traced.channels)
    rows: Any = np.memmap(traced.run.file(layout.TRACE), np.float32, "r")[: updates * columns]
    rows = rows.reshape(updates, columns)
    batch = np.array(rows[-1])
    if kind == "re-estimated":
        moving = batch
    else:
        moving = ms.replay(rows, traced.channels, momentum, traced.update_rule)
    if kind == "debiased":
        moving = ms.debias(moving, traced.channels, momentum, updates)
    pairs = zip(ms.split_by_layer(moving, traced.channels), ms.split_by_layer(batch, traced.channels), strict=True)
    distances: list[float | None] = []
    for (mean, variance), (batch_mean, batch_variance) in pairs:
        both = [
            ms.remaining_distance(mean, batch_mean, ms.INITIAL_MEAN),
            ms.remaining_distance(variance, batch_variance, ms.INITIAL_VARIANCE),
        ]
        known = [value for value in both if value is not None]
        distances.append(sum(known) / len(known) if known else None)
    return distances


def median_distance(distances: Sequence[float | None]) -> float | None:
    """The middle of the distances that there are, the greater one of two."""
    known = [distance for distance in distances if distance is not None]
    return statistics.median_high(known) if known else None


def initial_weight(traced: TracedRun, momentum: float, epoch: int, kind: Statistics) -> Sentence:
    """What the initial values weigh in the moving statistics, and whether statistics of that kind contain them."""
    instead = {"moving": "", "debiased": "taken out here", "re-estimated": "not used here"}[kind]
    return sentences.weight_in_answer(momentum, traced.updates(epoch), is_used=kind == "moving", instead=instead)


def certainty(answer: Answer) -> Sentence:
    """How far an answer can be trusted."""
    if answer.statistics == "debiased":
        return sentences.NO_RUN_DEBIASED
    if answer.statistics == "re-estimated":
        return sentences.NO_RUN_RE_ESTIMATED
    if not answer.seconds:
        return sentences.MEASURED
    return sentences.BIT_FOR_BIT if answer.exact else sentences.CLOSE
