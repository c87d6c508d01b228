"""What the events of a recording hold: figures of data and layers, settings, order of rows.

docs/recording-format.md says what each field means. Nearly every one may be None: a recorder leaves out what it could
not have, or what grew too long.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from repro.runs.event_base import Count, Number

MAX_COLUMNS = 256
MAX_CLASSES = 2000
MAX_LAYERS = 20_000
Name = Annotated[str, Meta(max_length=1000)]
Path = Annotated[str, Meta(pattern=r"^arrays/[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.npy\Z")]
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
Names = Annotated[list[Name], Meta(max_length=MAX_LAYERS)]
Logs = Annotated[dict[Name, Number | None], Meta(max_length=1000)]
Shape = Annotated[list[int | None], Meta(max_length=32)]
# Settings of the program's own: printed, never acted on.
Settings = Annotated[dict[Name, Any], Meta(max_length=1000)]
SampleSet = Literal["fit", "validation", "call"]
Phase = Literal["inference", "training"]


class Labels(msgspec.Struct, frozen=True):
    """What labels look like: kind of labels, and how many rows each class has."""

    kind: Literal["integers", "one-hot", "binary", "multi-hot", "real", "soft", "text"]
    classes: Count | None = None
    counts: Annotated[dict[Name, Count], Meta(max_length=MAX_CLASSES)] | None = None
    shape: Shape | None = None


class Column(msgspec.Struct, frozen=True):
    """Figures of one channel (last axis) of an input."""

    name: Name | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    mean: Number | None = None
    deviation: Number | None = None
    nan: Count | None = None


class Facts(msgspec.Struct, frozen=True):
    """Figures of one input, target or weighting; `shape` without rows."""

    name: Name | None = None
    shape: Shape | None = None
    dtype: Name | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    mean: Number | None = None
    deviation: Number | None = None
    nan: Count | None = None
    infinite: Count | None = None
    integers: bool | None = None
    constant_columns: Count | None = None
    first_bad_row: Count | None = None
    columns: Annotated[list[Column], Meta(max_length=MAX_COLUMNS)] | None = None
    labels: Labels | None = None


class Pass(msgspec.Struct, frozen=True):
    """One pass over a source: its rows, and a hash over them in their order."""

    rows: Count | None = None
    sha256: Sha256 | None = None


class Data(msgspec.Struct, frozen=True):
    """What is known of the data of a call, without a value of it."""

    kind: Name = "unknown"
    source: Name | None = None
    source_id: int | None = None
    rows: Count | None = None
    looked: Count | None = None
    batches: Count | None = None
    batch_size: Count | None = None
    complete: bool | None = None
    sha256: Sha256 | None = None
    inputs: Annotated[list[Facts], Meta(max_length=1000)] | None = None
    targets: Annotated[list[Facts], Meta(max_length=1000)] | None = None
    sample_weights: Facts | None = None
    passes: Annotated[list[Pass], Meta(max_length=10_000)] | None = None
    shuffled: bool | None = None
    limits: Annotated[list[Name], Meta(max_length=1000)] | None = None


class Counted(msgspec.Struct, frozen=True):
    """How many of some variables are equal to those that the last `fit` left; `initial`: still the initial ones."""

    equal: Count
    of: Count
    initial: Count | None = None


class Weights(msgspec.Struct, frozen=True):
    """Variables compared by position with those that the last `fit` left."""

    trainable: Counted
    moving: Counted
    equal: bool
    other: Counted | None = None


class OptimizerSettings(msgspec.Struct, frozen=True):
    """The optimizer and its settings."""

    name: Name | None = None
    config: Settings | None = None


class Compiled(msgspec.Struct, frozen=True):
    """Arguments of `compile` as they are in effect."""

    optimizer: OptimizerSettings | None = None
    learning_rate: Number | None = None
    loss: Names | None = None
    from_logits: Annotated[list[bool | None], Meta(max_length=1000)] | None = None
    metrics: Names | None = None
    loss_weights: Any = None
    run_eagerly: bool | None = None
    jit_compile: Any = None
    steps_per_execution: Count | None = None
    dtype_policy: Name | None = None
    custom_train_step: bool | None = None
    custom_call: bool | None = None


class VariableRatio(msgspec.Struct, frozen=True):
    """Norm of one step's change of a variable, divided by the norm of the variable."""

    variable: Name | None = None
    ratio: Number | None = None


class UpdateRatio(msgspec.Struct, frozen=True):
    """How far one step moved the weights; `largest` and `variable`: the variable that moved most."""

    step: Count
    median: Number | None = None
    largest: Number | None = None
    variable: Name | None = None
    layers: Annotated[list[VariableRatio], Meta(max_length=MAX_LAYERS)] | None = None


class Means(msgspec.Struct, frozen=True):
    """Mean and variance, both means over channels; or what is left of the way to them."""

    mean: Number | None = None
    variance: Number | None = None


class LargestVariance(msgspec.Struct, frozen=True):
    """Greatest batch variance divided by the median one, and the step of it."""

    ratio: Number | None = None
    step: Count | None = None


class MovingStatistics(msgspec.Struct, frozen=True):
    """A layer with moving statistics, as a `fit` left it."""

    name: Name
    path: Name | None = None
    class_: Name | None = msgspec.field(name="class", default=None)
    channels: Count | None = None
    axis: Any = None
    momentum: Number | None = None
    epsilon: Number | None = None
    trainable: bool | None = None
    calls: Count | None = None
    training_argument: Any = None
    updates: Number | None = None
    steps: Count | None = None
    looked: Count | None = None
    changed: Count | None = None
    initial_at_first: bool | None = None
    initial_at_start: bool | None = None
    initial_at_end: bool | None = None
    moved: bool | None = None
    initial_weight: Number | None = None
    moving: Means | None = None
    batch: Means | None = None
    remaining: Means | None = None
    initial_share: Number | None = None
    available: bool | None = None
    error_bound: Number | None = None
    spread: Number | None = None
    largest_variance: LargestVariance | None = None
    debiased: bool | None = None
    restored: bool | None = None


class WeightsChanged(msgspec.Struct, frozen=True):
    """Trainable variables that a `fit` did not change."""

    trainable: Count
    unchanged: Names | None = None


class LayerPhases(msgspec.Struct, frozen=True):
    """One call of a layer: how far its outputs in different passes are apart, in standard deviations of its output."""

    name: Name
    class_: Name | None = msgspec.field(name="class", default=None)
    call: Count | None = None
    distance: Number | None = None
    alone_distance: Number | None = None
    inference_distance_alone: Number | None = None
    inference_distance_repeated: Number | None = None
    shape: Shape | None = None
    units: Count | None = None
    constant_units: Count | None = None
    zero_units: Count | None = None
    not_finite: Count | None = None
    minimum: Number | None = None
    maximum: Number | None = None
    in_training: bool | None = None


class OrderOf(msgspec.Struct, frozen=True):
    """An earlier pass: of a `fit`, or of a call."""

    fit: Count | None = None
    pass_: Count | None = msgspec.field(name="pass", default=None)
    call: Count | None = None


class Order(msgspec.Struct, frozen=True):
    """How the rows of a call compare with those of an earlier pass."""

    with_: OrderOf = msgspec.field(name="with")
    rows: Count
    common: Count
    same_order: bool
    same_source: bool
