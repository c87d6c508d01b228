"""Folds events into the measurements of a run; live, replayed and finished runs use the same code."""

from __future__ import annotations

import bisect
import math
from array import array
from collections.abc import Iterable
from typing import Any, TypeVar

from msgspec import UNSET, UnsetType

from repro.base.errors import InputError
from repro.runs import events, recorded_events
from repro.runs.events import AnyEvent
from repro.runs.figures import Figures
from repro.runs.recorded_progress import RecordedProgress
from repro.runs.records import Curves, Drift, Evaluation, Measurements, Prediction

T = TypeVar("T")

MOST_TRIALS = 100  # that are kept of one run


class Progress:
    """What is known of a run after the events seen so far."""

    def __init__(self) -> None:
        self.epochs = 0
        self.epoch = 0
        self.stage = ""
        self.attempt = 0
        self.loss = Figures()
        self.accuracy = Figures()
        self.epoch_seconds = array("d")
        self.evaluations: dict[tuple[str, int], events.Evaluated] = {}
        self.predictions: dict[int, events.Predicted] = {}
        self.validations: dict[int, events.Validated] = {}
        self.drift: dict[int, events.BatchNormMeasured] = {}
        self.trials: list[events.TrialMeasured] = []
        self.not_finite: events.NonFiniteFound | None = None
        self.checkpoint: events.CheckpointWritten | None = None
        self.fingerprint: dict[str, Any] = {}
        self.weights_sha256: str | None = None
        self.peak_memory_bytes: int | None = None
        self.failure: events.WorkerFailed | None = None
        self.ended: events.RunEnded | None = None
        self.warnings: list[str] = []
        self.recorded: RecordedProgress | None = None
        self.stop_requested: str | None = None
        self.training_finished = False
        self.stopped = False
        self.last_heartbeat: events.Heartbeat | events.RunStarted | None = None
        self.started: float | None = None
        self.seconds: dict[str, float] = {}
        self.seconds_before = 0.0
        self._attempt_started: float | None = None
        self._last_time = 0.0
        self._stage_started: tuple[str, float] | None = None
        self._sorted_seconds = array("d")

    def extend(self, more: Iterable[AnyEvent]) -> None:
        """Take more events, in order."""
        for event in more:
            self.take(event)

    def take(self, event: AnyEvent) -> None:
        """Take one event."""
        if isinstance(event, events.RunStarted) and self._attempt_started is not None:
            self.seconds_before = self.seconds_so_far
        self._last_time = self._steady_time(event)
        match event:
            case events.RunStarted():
                self._begin_attempt(event)
            case events.StageStarted():
                self._end_stage(event.time)
                self.stage = event.stage
                self._stage_started = (event.stage, event.time)
            case events.WorkerStarted(warm_seconds=float() as seconds):
                self.seconds["warm"] = round(seconds, 3)
            case events.ModelBuilt():
                self.fingerprint = event.fingerprint
            case events.EpochFinished():
                self._rewind(event.epoch - 1)
                self.epoch = event.epoch
                self._append_accuracy(event.accuracy)
                self.loss.append(event.loss)
                self.epoch_seconds.append(event.seconds)
            case events.Evaluated():
                self.evaluations[event.phase, event.epoch] = event
            case events.Validated():
                if event.call == "model.fit":  # of each epoch of a recorded program: only the last one counts
                    self.validations.clear()
                self.validations[event.epoch] = event
            case events.Predicted():
                self.predictions[event.epoch] = event
            case events.BatchNormMeasured():
                self.drift[event.epoch] = event
            case events.TrialMeasured():
                if len(self.trials) < MOST_TRIALS:
                    self.trials.append(event)
            case events.NonFiniteFound():
                self.not_finite = self.not_finite or event
            case events.CheckpointWritten():
                self.checkpoint = event
            case events.WeightsHashed():
                self.weights_sha256 = event.sha256
            case events.TrainingFinished():
                self._end_stage(event.time)
                self.training_finished = True
                self.peak_memory_bytes = event.peak_memory_bytes
            case events.TrainingStopped():
                self.stopped = True
            case events.WorkerFailed():
                self.failure = event
            case events.Heartbeat():
                self.last_heartbeat = event
            case events.StopRequested():
                self.stop_requested = event.by
            case events.Warned():
                self.warnings.append(event.message)
            case events.RunEnded():
                self._end_stage(event.time)
                self.stage = ""
                self.ended = event
            case recorded_events.FitStarted():
                self._begin_fit(event)
            case recorded_events.RecordedEvent() if self.recorded is not None:
                self.recorded.take(event)
            case _:
                pass

    def _append_accuracy(self, accuracy: events.Number | None) -> None:
        """Add an epoch's accuracy; nothing as long as no epoch had one, nan for a later epoch that has none."""
        if accuracy is not None:
            for _ in range(len(self.loss) - len(self.accuracy)):
                self.accuracy.append("nan")
        if accuracy is not None or self.accuracy:
            self.accuracy.append("nan" if accuracy is None else accuracy)

    def _begin_fit(self, event: recorded_events.FitStarted) -> None:
        """Count on: a recorded program may call `fit` again and again."""
        if self.recorded is None:
            self.recorded = RecordedProgress()
        self.recorded.take(event)
        self.epochs = event.epoch + max((event.epochs or 0) - (event.initial_epoch or 0), 0)

    def _steady_time(self, event: AnyEvent) -> float:
        """The event's time; of a heartbeat, whose time follows a clock that is set, at most a beat after the last."""
        if not isinstance(event, events.Heartbeat):
            return event.time
        return self._last_time + min(max(event.time - self._last_time, 0.0), events.HEARTBEAT_SECONDS)

    @property
    def seconds_so_far(self) -> float:
        """How long the run took until the last event, without the time between its attempts."""
        if self._attempt_started is None:
            return self.seconds_before
        return self.seconds_before + max(0.0, self._last_time - self._attempt_started)

    def _begin_attempt(self, event: events.RunStarted) -> None:
        self.epochs, self.attempt = event.epochs, event.attempt
        self.ended = self.failure = self.stop_requested = None
        self.recorded = None
        self.stopped = self.training_finished = False
        self.weights_sha256 = self.peak_memory_bytes = None
        self.stage = ""
        self.last_heartbeat = event
        self._stage_started = None
        self._attempt_started = event.time
        self.started = self.started if self.started is not None else event.time
        self._rewind(self.checkpoint.epoch if self.checkpoint is not None and event.attempt > 1 else 0)

    def _end_stage(self, time: float) -> None:
        if self._stage_started is not None:
            stage, started = self._stage_started
            self.seconds[stage] = self.seconds.get(stage, 0.0) + max(0.0, time - started)
            self._stage_started = None

    def _rewind(self, epoch: int) -> None:
        """Forget what a resumed run does over."""
        if epoch >= self.epoch:
            return
        self.loss.cut(epoch)
        self.accuracy.cut(epoch)
        del self.epoch_seconds[epoch:], self._sorted_seconds[:]
        self.epoch = epoch
        self.evaluations = {key: value for key, value in self.evaluations.items() if key[1] <= epoch}
        self.predictions = {key: value for key, value in self.predictions.items() if key <= epoch}
        self.validations = {key: value for key, value in self.validations.items() if key <= epoch}
        self.drift = {key: value for key, value in self.drift.items() if key <= epoch}
        self.trials = [trial for trial in self.trials if trial.epoch <= epoch]
        if self.not_finite is not None and self.not_finite.epoch > epoch:
            self.not_finite = None

    @property
    def seconds_left(self) -> float | None:
        """Expected seconds until the last epoch ends, from the median of the latest epochs; None before the second."""
        recent = sorted(self.epoch_seconds[max(1, len(self.epoch_seconds) - 20) :])
        if not recent:
            return None
        return recent[len(recent) // 2] * (self.epochs - self.epoch)

    @property
    def step_seconds(self) -> float | None:
        """Median seconds of an epoch without the first, which is the slow one; None before the second.

        What was sorted when it was last asked for stays sorted: a screen asks every second.
        """
        for seconds in self.epoch_seconds[1 + len(self._sorted_seconds) :]:
            bisect.insort(self._sorted_seconds, seconds)
        return self._sorted_seconds[len(self._sorted_seconds) // 2] if self._sorted_seconds else None

    def measurements(self, epoch: int | None = None, labels: list[int] | None = None) -> Measurements:
        """Return the measurements as in result.json, at `epoch` (default: the last one measured).

        InputError if predictions and `labels` are not of as many images.
        """
        evaluations = {
            phase: self._at(epoch, {e: value for (p, e), value in self.evaluations.items() if p == phase})
            for phase in ("inference", "training")
        }
        predicted = self._at(epoch, self.predictions)
        if predicted is not None and self.recorded is not None:
            known = self.recorded.labels
            labels = None if known is None else known[: len(predicted.probabilities)]
        drift = self._at(epoch, self.drift)
        return Measurements(
            fit=Curves(list(self.loss), list(self.accuracy)),
            evaluate=_evaluation(evaluations["inference"]),
            evaluate_training_phase=_evaluation(evaluations["training"]),
            predict=UNSET if predicted is None else prediction(predicted.probabilities, labels),
            validation=_evaluation(self._at(epoch, self.validations)),
            batch_norm=UNSET
            if drift is None
            else Drift(drift.updates, drift.momentum, drift.initial_weight, drift.moving_to_batch_distance),
            weights_sha256=UNSET if self.weights_sha256 is None else self.weights_sha256,
        )

    @staticmethod
    def _at(epoch: int | None, by_epoch: dict[int, T]) -> T | None:
        return by_epoch.get(epoch if epoch is not None else max(by_epoch)) if by_epoch else None


def _evaluation(event: events.Evaluated | events.Validated | None) -> Evaluation | UnsetType:
    return UNSET if event is None else Evaluation(event.loss, event.accuracy)


def prediction(probabilities: list[list[events.Number]], labels: list[int] | None) -> Prediction:
    """Return probabilities with the classes they mean, and the accuracy if `labels` is not None."""
    classes = [max(range(len(row)), key=lambda i: (float(row[i]), -i)) for row in probabilities]
    accuracy: float | UnsetType = UNSET
    if labels is not None:
        if len(labels) != len(classes):
            raise InputError(f"damaged ({len(classes)} predictions for {len(labels)} images)", do="delete the run")
        accuracy = sum(a == b for a, b in zip(classes, labels, strict=True)) / len(labels)
    return Prediction(
        probabilities=probabilities, classes=classes, accuracy=accuracy, distinct_classes=len(set(classes))
    )


def power(momentum: float, updates: int) -> float:
    """momentum ** updates; infinite where that is too large."""
    try:
        return float(momentum**updates)
    except OverflowError:
        return math.inf
