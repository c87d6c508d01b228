"""Everything that can happen in a run, declared once. `events.jsonl` holds one of these a line.

Numbers that are not finite stand as the strings "nan", "inf", "-inf".
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from repro.base.decoding import json_decoder
from repro.runs import recorded_events
from repro.runs.event_base import Count as Count
from repro.runs.event_base import Epoch as Epoch
from repro.runs.event_base import Event
from repro.runs.event_base import Number as Number
from repro.runs.event_base import Seconds as Seconds

HEARTBEAT_SECONDS = 5.0
# One row an image, one number a class.
Probabilities = Annotated[list[Annotated[list[Number], Meta(min_length=1)]], Meta(min_length=1)]


class RunStarted(Event, frozen=True, tag="run_started"):
    """An attempt at the run begins: 1 at first, then one more for each resume."""

    attempt: Epoch = msgspec.field(name="stretch")
    epochs: Epoch
    boot_id: str


class WorkerStarted(Event, frozen=True, tag="worker_started"):
    """The training process runs.

    `warm_seconds`: how long it had been there when the run began, importing and building for it (see
    `supervise/warm_worker`); None: it was started for this run.
    """

    pid: int
    python: str
    warm_seconds: float | None = None


class StageStarted(Event, frozen=True, tag="stage_started"):
    """What goes on now: import, build, fit, measure, hash."""

    stage: str


class EnvironmentProbed(Event, frozen=True, tag="environment_probed"):
    """The worker's part of the environment record; written to environment.json, so `record` is empty in the log."""

    record: dict[str, Any] = msgspec.field(default_factory=dict)


class ModelBuilt(Event, frozen=True, tag="model_built"):
    """The network stands; `fingerprint` tells which one."""

    seconds: Seconds
    fingerprint: dict[str, Any]


class EpochFinished(Event, frozen=True, tag="epoch_finished"):
    """An epoch, counted from 1, with the loss and accuracy that `fit` reports; a recording may have no accuracy."""

    epoch: Epoch
    loss: Number
    accuracy: Number | None
    seconds: Seconds


class Evaluated(Event, frozen=True, tag="evaluated"):
    """Loss and accuracy on the training images in one phase; in training phase with the probabilities of that pass."""

    epoch: Epoch
    phase: Literal["inference", "training"]
    loss: Number
    accuracy: Number | None
    call: str
    probabilities: Probabilities | None = None


class Validated(Event, frozen=True, tag="validated"):
    """Loss and accuracy in inference phase on images that were never trained on, with the probabilities."""

    epoch: Epoch
    loss: Number
    accuracy: Number | None
    call: str
    probabilities: Probabilities | None = None


class Predicted(Event, frozen=True, tag="predicted"):
    """Class probabilities (images, classes) in inference phase."""

    epoch: Epoch
    probabilities: Probabilities
    call: str
    seconds: Seconds = 0.0


class LayerDrift(msgspec.Struct, frozen=True):
    """One BatchNormalization layer. `mean`, `variance`: share of the initial distance to the batch statistic that is
    left (1: as at the start, 0: equal); the next four are means over channels.

    `calls`: how often a training step updates its averages (more than once: it is shared; None: cannot be told).
    `updates`: how often they were updated since the start; 0 if they are still the initial values, bit for bit.
    `calls_apart`: how far the inputs of its calls lie apart, in deviations; None for one call.
    """

    name: str
    channels: Count
    mean: Number | None
    variance: Number | None
    moving_mean: Number
    batch_mean: Number
    moving_variance: Number
    batch_variance: Number
    momentum: float | None = None
    calls: Count | None = None
    updates: Count | None = None
    untouched: bool = False
    trainable: bool | None = None
    calls_apart: Number | None = None


class BatchSpread(msgspec.Struct, frozen=True):
    """Shuffled batches of the training images at the weights of now, one forward pass in training phase each.

    `mean_spread`: over layers the median of: standard deviation of a channel's batch mean over the batches, divided by
    the root of its mean batch variance; then the median over channels. `largest_variance`: over layers the largest
    of: greatest batch variance divided by the median one; each the mean over channels. `layer` names that layer.
    `accuracy`: of these batches in training phase.
    """

    count: int
    accuracy: Number
    mean_spread: Number
    largest_variance: Number
    layer: str


class BatchNormMeasured(Event, frozen=True, tag="batch_norm_measured"):
    """Where moving statistics stand against batch statistics, layer by layer.

    `updates`: training steps; `updates_observed`: the most updates of one layer, by its calls; None: cannot be told.
    """

    epoch: Epoch
    updates: Count
    momentum: float
    initial_weight: float
    moving_to_batch_distance: Number | None
    layers: list[LayerDrift]
    # Where an epoch has several steps: how the statistics of shuffled batches differ from each other; see formats.md.
    batches: BatchSpread | None = None
    updates_observed: Count | None = None


class TrialMeasured(Event, frozen=True, tag="trial_measured"):
    """What the final weights give on the training images in other circumstances; for a diagnosis.

    Made if the network is small. In inference: `single-images` one by one, `shuffled-images` in the run's batch
    size, `re-estimated...` with statistics of shuffled batches of `batch_size`, `debiased` with the initial values
    taken out of the averages. In training phase: `larger-batches`, `training-without-random-layers`. Without random
    layers: dropout, noise and augmentation act as in inference. `re-estimated-without-image` leaves `image` out, the
    one that the variance of its batch rests on most. The last five change the images, of training or of validation:
    `like-training` gives each channel the mean and deviation of the training images.
    `layers`: the random ones that are silent. `reference_...`: plain inference on the same images, in the run's own
    order and batches.
    """

    epoch: Epoch
    trial: Literal[
        "single-images",
        "shuffled-images",
        "larger-batches",
        "re-estimated",
        "re-estimated-larger-batches",
        "training-without-random-layers",
        "re-estimated-without-random-layers",
        "debiased",
        "re-estimated-without-image",
        "divided-by-255",
        "from-minus-one-to-one",
        "reversed-channels",
        "inverted",
        "like-training",
    ]
    images: Count
    batch_size: Count
    loss: Number
    accuracy: Number
    reference_loss: Number
    reference_accuracy: Number
    seconds: Seconds
    images_of: Literal["training", "validation"] = "training"
    image: Count | None = None
    layers: Annotated[tuple[str, ...], Meta(max_length=20_000)] = ()


class NonFiniteFound(Event, frozen=True, tag="non_finite_found"):
    """The first values of the run that are not finite, and after which epoch; `layer` is empty if none shows any."""

    epoch: Epoch
    layer: str
    quantity: Literal["moving_mean", "moving_variance", "output", "weight", "loss"]


class CheckpointWritten(Event, frozen=True, tag="checkpoint_written"):
    """All that is needed to go on after `epoch` is safe in `file`."""

    epoch: Epoch
    file: str
    sha256: str
    bytes: int
    seconds: Seconds


class TracePlanned(Event, frozen=True, tag="trace_planned"):
    """A traced run is about to begin: the disk that the rest of its trace takes."""

    bytes: int
    free_bytes: int


class SnapshotWritten(Event, frozen=True, tag="snapshot_written"):
    """A traced run kept its weights after `epoch`."""

    epoch: Epoch
    file: str
    sha256: str


class Answered(Event, frozen=True, tag="answered"):
    """A warm worker's answer to a what-if question; never in a run's log."""

    question: int
    probabilities: Probabilities
    loss: Number
    accuracy: Number
    seconds: Seconds


class WorkerReady(Event, frozen=True, tag="worker_ready"):
    """A warm worker has done all that it can before its run is asked for; never in a run's log."""


class FitFinished(Event, frozen=True, tag="fit_finished"):
    """model.fit returned."""

    call: str
    seconds: Seconds


class WeightsHashed(Event, frozen=True, tag="weights_hashed"):
    """SHA-256 over the bytes of the final weights in Keras's order."""

    sha256: str


class TrainingStopped(Event, frozen=True, tag="training_stopped"):
    """The worker ended on request after `epoch`."""

    epoch: Epoch


class TrainingFinished(Event, frozen=True, tag="training_finished"):
    """The worker did all it was asked."""

    peak_memory_bytes: int


class WorkerFailed(Event, frozen=True, tag="worker_failed"):
    """The worker met an exception."""

    kind: str
    message: str
    traceback: str = ""


class Heartbeat(Event, frozen=True, tag="heartbeat"):
    """The supervisor lives; every 5 s."""

    boot_id: str


class StopRequested(Event, frozen=True, tag="stop_requested"):
    """Somebody asked the run to stop: the file RUN/stop, or a signal by name."""

    by: str


class Warned(Event, frozen=True, tag="warned"):
    """Something that a reader of the figures should know."""

    message: str


class RunEnded(Event, frozen=True, tag="run_ended"):
    """The attempt is over; `reason` is one line for people."""

    state: Annotated[str, Meta(description="finished, failed, stopped or interrupted")]
    reason: str = ""
    exit_code: int = 0


AnyEvent = (
    RunStarted
    | WorkerStarted
    | StageStarted
    | EnvironmentProbed
    | ModelBuilt
    | EpochFinished
    | Evaluated
    | Validated
    | Predicted
    | BatchNormMeasured
    | TrialMeasured
    | NonFiniteFound
    | CheckpointWritten
    | TracePlanned
    | SnapshotWritten
    | Answered
    | WorkerReady
    | FitFinished
    | WeightsHashed
    | TrainingStopped
    | TrainingFinished
    | WorkerFailed
    | Heartbeat
    | StopRequested
    | Warned
    | RunEnded
    | recorded_events.AnyRecordedEvent
)

_decoder: msgspec.json.Decoder[AnyEvent] = json_decoder(AnyEvent)
_encoder = msgspec.json.Encoder()


def decode(line: bytes) -> AnyEvent:
    """One line of `events.jsonl`; msgspec.DecodeError where it is not an event."""
    try:
        return _decoder.decode(line)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8 ({error.reason})") from None


def encode(event: AnyEvent) -> bytes:
    """One line, with its line feed."""
    return _encoder.encode(event) + b"\n"


def number(value: Number) -> float:
    """A Number as a float."""
    return float(value)


def to_number(value: float) -> Number:
    """A float as a Number."""
    if math.isfinite(value):
        return value
    return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
