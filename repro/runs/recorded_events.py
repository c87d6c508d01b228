"""What a recorder saw of somebody else's training, as events; docs/recording-format.md says what each field means.

A recorder leaves out what it could not have or what grew too long, so that nearly every field may be None.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from repro.runs.event_base import Count, Epoch, Event, Number, Seconds
from repro.runs.recorded_values import (
    MAX_LAYERS,
    Compiled,
    Data,
    LayerPhases,
    Logs,
    MovingStatistics,
    Name,
    Names,
    Order,
    Path,
    Phase,
    SampleSet,
    Settings,
    UpdateRatio,
    Weights,
    WeightsChanged,
)


class RecordedEvent(Event, frozen=True):
    """Base of the events that only recordings have."""


class FitStarted(RecordedEvent, frozen=True, tag="fit_started"):
    """The program's own call that trains begins; `fit` counts them from 1, `epoch` is what was finished before."""

    fit: Count
    call: Name
    epoch: Epoch
    epochs: Epoch | None = None
    initial_epoch: Epoch | None = None
    steps_per_epoch: Count | None = None
    batch_size: Count | None = None
    arguments: Settings | None = None
    compiled: Compiled | None = None
    data: Data | None = None
    validation: Data | None = None
    weights: Weights | None = None


class EpochLogs(RecordedEvent, frozen=True, tag="epoch_logs"):
    """All that the program's own `fit` reports of an epoch; `fit_epoch` is counted within this call."""

    epoch: Epoch
    fit: Count
    fit_epoch: Epoch | None = None
    logs: Logs | None = None
    learning_rate: Number | None = None
    steps: Count | None = None
    update_ratio: UpdateRatio | None = None


class FitEnded(RecordedEvent, frozen=True, tag="fit_ended"):
    """The program's own call that trains has returned, or raised `error`."""

    fit: Count
    ended: Literal["returned", "raised"]
    seconds: Seconds | None = None
    steps: Count | None = None
    epochs: Epoch | None = None
    error: Name | None = None
    data: Data | None = None
    validation: Data | None = None
    batch_norm: Annotated[list[MovingStatistics], Meta(max_length=MAX_LAYERS)] | None = None
    weights_changed: WeightsChanged | None = None
    recorder_seconds: Seconds | None = None


class Measured(RecordedEvent, frozen=True, tag="measured"):
    """The recorder's own measurement at the weights that `fit` left.

    `right`: share of samples whose class is the label; None for outputs that are no classes. `outputs`: a file of the
    recording, (samples, ...). `labels`: class of each sample.
    """

    fit: Count
    set_: SampleSet = msgspec.field(name="set")
    phase: Phase
    alone: bool
    call: Count | None = None
    batch_size: Count | None = None
    samples: Count | None = None
    loss: Number | None = None
    metrics: Logs | None = None
    accuracy: Number | None = None
    right: Number | None = None
    outputs: Path | None = None
    not_finite_rows: Count | None = None
    labels: Annotated[list[int], Meta(max_length=4096)] | None = None
    fresh: bool | None = None
    problem: Name | None = None


class LayerPhasesMeasured(RecordedEvent, frozen=True, tag="layer_phases"):
    """Every layer's output in training phase against inference phase, in the order of their calls."""

    fit: Count
    set_: SampleSet = msgspec.field(name="set")
    layers: Annotated[list[LayerPhases], Meta(max_length=MAX_LAYERS)] | None = None
    call: Count | None = None
    batch_size: Count | None = None
    samples: Count | None = None
    first: Count | None = None
    first_alone: Count | None = None
    first_repeated: Count | None = None


class TrialMade(RecordedEvent, frozen=True, tag="trial"):
    """One forward pass at the weights that `fit` left with one thing changed; `reason`: why it was not made."""

    fit: Count
    set_: SampleSet = msgspec.field(name="set")
    kind: Name
    available: bool
    call: Count | None = None
    momentum: Number | None = None
    batch_size: Count | None = None
    parameter: Settings | None = None
    reason: Name | None = None
    loss: Number | None = None
    metrics: Logs | None = None
    accuracy: Number | None = None
    right: Number | None = None
    outputs: Path | None = None
    deviation: Number | None = None


class CallObserved(RecordedEvent, frozen=True, tag="call_observed"):
    """An `evaluate`, `predict` or the like of the program's own after training, of this model or of one like it."""

    call: Count
    kind: Name
    fit: Count
    model: Literal["this", "another"]
    model_name: Name | None = None
    arguments: Settings | None = None
    seconds: Seconds | None = None
    figures: Logs | None = None
    raised: Name | None = None
    data: Data | None = None
    rows: Path | None = None
    orders: Annotated[list[Order], Meta(max_length=64)] | None = None
    weights: Weights | None = None
    repeated: Count | None = None


class NotFinite(RecordedEvent, frozen=True, tag="not_finite"):
    """The first loss, weight, value of the data or output that is not finite."""

    fit: Count
    what: Literal["loss", "weights", "data", "output"]
    epoch: Epoch | None = None
    step: Count | None = None
    names: Names | None = None
    rows: Annotated[list[Count], Meta(max_length=10_000)] | None = None
    layer: Name | None = None


class Missing(RecordedEvent, frozen=True, tag="missing"):
    """What could not be kept or measured."""

    fit: Count
    what: Name
    reason: Name


class RecorderFailed(RecordedEvent, frozen=True, tag="recorder_failed"):
    """The recorder met a fault of its own; the program continued."""

    where: Name
    error: Name


AnyRecordedEvent = (
    FitStarted
    | EpochLogs
    | FitEnded
    | Measured
    | LayerPhasesMeasured
    | TrialMade
    | CallObserved
    | NotFinite
    | Missing
    | RecorderFailed
)
