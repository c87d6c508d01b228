"""Asks a traced run what it would have predicted at another momentum, without training.

Momentum does not affect training: from the batch statistics of each step and the weights of an epoch, the moving
statistics of every momentum can be replayed, and one forward pass gives the predictions.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any, Literal, Self

import msgspec

from repro.base import scratch
from repro.base.errors import EndedEarlyError, InputError
from repro.base.text import one_line
from repro.environment import check, definition
from repro.runs import events, layout
from repro.runs.directory import RunDirectory
from repro.runs.grouping import replay_is_exact
from repro.runs.identity import recorded_kernels
from repro.runs.progress import prediction
from repro.runs.records import RunRecord
from repro.scenario import own_model
from repro.scenario.load import shipped_names
from repro.supervise.worker_process import WorkerProcess
from repro.supervise.worker_request import what_if_request

Statistics = Literal["moving", "debiased", "re-estimated"]
# How the worker's warning begins (`training.NO_TRACE`).
TRACE_REFUSED = "this run keeps no trace"


class Question(msgspec.Struct, frozen=True):
    """One line to the worker; `without`: indices of images to leave out, None as batch size: the scenario's.

    `momentum` None: each layer's own. `random_layers` False: dropout and the like are off when statistics are
    re-estimated.
    """

    question: int
    momentum: float | None
    epoch: int
    statistics: Statistics
    without: list[int]
    batch_size: int | None
    random_layers: bool = True


class Answer(msgspec.Struct, frozen=True):
    """What a run at `momentum` would have given after `epoch`; `exact`: bit for bit, by test."""

    momentum: float
    epoch: int
    statistics: Statistics
    exact: bool
    predict: dict[str, Any]
    evaluate: dict[str, Any]
    seconds: float


def snapshots(run: RunDirectory) -> list[int]:
    """Return the epochs whose weights a traced run has kept."""
    names = (layout.SNAPSHOT_PATTERN.match(file.name) for file in run.file(layout.WEIGHTS).glob(layout.SNAPSHOTS))
    return sorted(int(name[1]) for name in names if name is not None)


def require_traced(run: RunDirectory) -> RunRecord:
    """Return the run's record; InputError with the reason if it cannot answer what-if questions."""
    record = run.record()
    if not record.traced:
        trust = "" if record.model_sha256 is None else " --trust"
        name = record.scenario if record.scenario in shipped_names() else "FILE.yaml"
        raise InputError(
            f"the run {run.id} was not traced",
            do=f"train it again: repro run {name} --environment {record.environment} --trace{trust}",
        )
    if run.progress().fingerprint.get("batch_norm_layers") == 0:
        raise InputError(f"the model of {run.id} has no BatchNormalization layers", do="momentum changes nothing in it")
    if (reason := trace_refusal(run)) is not None:
        raise InputError(f"{run.id}: {reason}", do="no training at another momentum can be told from this one")
    if not snapshots(run):
        raise InputError(f"the run {run.id} has kept no weights yet", do="wait for its first epoch")
    if not run.file(layout.TRACE_HEADER).is_file():
        raise InputError(f"the run {run.id} was not traced: it keeps no {layout.TRACE_HEADER}", do="train it again")
    return record


def trace_refusal(run: RunDirectory) -> str | None:
    """Return why the worker kept no trace of a run that was to be traced; None if it did, or has not begun one."""
    if run.file(layout.TRACE_HEADER).is_file():
        return None
    return next((line for line in run.progress().warnings if line.startswith(TRACE_REFUSED)), None)


class WhatIfSession:
    """A worker that keeps the run's network, trace and weights for all questions; use it as a context."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self.record = require_traced(run)
        self._labels = [image.label for image in self.record.images]
        self.environment = definition.get(self.record.environment)
        if "plain-averages" not in self.environment.definition.abilities:
            raise InputError(
                f"{self.environment.name} zero-debiases its moving statistics, which what-if does not replay",
                do="trace the scenario in another environment",
            )
        check.require_installed(self.environment)
        self._question_count = 0
        self._worker: WorkerProcess | None = None
        self._events: Iterator[events.AnyEvent] = iter(())

    def __enter__(self) -> Self:
        scenario = self.run.require_scenario()
        if scenario.model.python is not None:
            file = self.run.file(layout.OWN_MODEL)
            own_model.require_same(file.read_bytes(), self.record.model_sha256, file)
        request = what_if_request(self.run.path, self.record, scenario, self.environment)
        with contextlib.ExitStack() as stack:
            home = stack.enter_context(scratch.folder("what-if")) / "home"
            process = WorkerProcess(self.environment, home, self.record.threads, recorded_kernels(self.run))
            self._worker = stack.enter_context(contextlib.closing(process))
            self._events = stack.enter_context(contextlib.closing(self._worker.iterate_events()))
            self._worker.send(request, is_last=False)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._exit.close()

    def stop(self) -> None:
        """End the worker, from any thread; a question that waits for its answer raises EndedEarlyError."""
        if self._worker is not None:
            self._worker.process.kill()

    def ask(
        self,
        momentum: float | None,
        epoch: int,
        statistics: Statistics = "moving",
        *,
        without: Sequence[int] = (),
        batch_size: int | None = None,
        random_layers: bool = True,
    ) -> Answer:
        """Return one answer; InputError for an epoch without snapshot or a momentum outside 0 to 1.

        Re-estimated statistics may leave images out (`without`: their indices), use batches of another size, and have
        dropout and the like off (`random_layers`).
        """
        epochs = snapshots(self.run)
        if epoch not in epochs:
            choice = ", ".join(map(str, epochs))
            raise InputError(f"no weights were kept after epoch {epoch}", do=f"choose from {choice}")
        if momentum is not None and not 0.0 <= momentum <= 1.0:
            raise InputError(f"momentum {momentum} is out of range", do="0 to 1")
        assert self._worker is not None, "use the session as a context"
        self._question_count += 1
        question = Question(
            question=self._question_count,
            momentum=momentum,
            epoch=epoch,
            statistics=statistics,
            without=list(without),
            batch_size=batch_size,
            random_layers=random_layers,
        )
        self._worker.send(question, is_last=False)
        answered = self._next_answer()
        predict = msgspec.to_builtins(prediction(answered.probabilities, self._labels))
        return Answer(
            momentum=self._own_momentum if momentum is None else momentum,
            epoch=epoch,
            statistics=statistics,
            exact=statistics == "moving" and replay_is_exact(self.environment, self.record.device),
            predict=predict,
            evaluate={"loss": answered.loss, "accuracy": answered.accuracy},
            seconds=answered.seconds,
        )

    @functools.cached_property
    def _own_momentum(self) -> float:
        """That of the run's layers, the largest if they differ."""
        return max((drift.momentum for drift in self.run.progress().drift.values()), default=0.0)

    def _next_answer(self) -> events.Answered:
        for event in self._events:
            if isinstance(event, events.Answered):
                return event
            if isinstance(event, events.WorkerFailed):
                raise EndedEarlyError(f"the worker failed ({event.kind}: {one_line(event.message)})", do="ask again")
        raise EndedEarlyError("the worker ended without an answer", do="ask again")
