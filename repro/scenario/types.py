"""What a scenario file may say. The JSON Schema and the loader's messages both come from these types."""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FORMAT = 1

# Python's $ stands before a line feed at the end as well; JSON Schema knows no \Z.
END = r"$(?!\n)"
MAX_NAME = 60
NAME_PATTERN = r"^[a-z0-9]+([.-][a-z0-9]+)*" + END
NAME_WORDS = f"lower-case letters and digits, single '-' or '.' between them; at most {MAX_NAME} characters"
Name = Annotated[
    str,
    Meta(
        pattern=NAME_PATTERN,
        max_length=MAX_NAME,
        description=f"{NAME_WORDS.capitalize()}.",
        examples=["original-bug"],
    ),
]
Text = Annotated[str, Meta(min_length=1, max_length=20_000)]
Line = Annotated[str, Meta(min_length=1, max_length=300)]
RelativePath = Annotated[str, Meta(min_length=1, max_length=300, description="Relative to the scenario's folder.")]
Group = Literal["report", "verification", "remedy", "control"]
Measurement = Literal["evaluate", "predict", "evaluate_training_phase"]
Value = Literal[
    "fit.loss",
    "fit.accuracy",
    "evaluate.loss",
    "evaluate.accuracy",
    "evaluate_training_phase.loss",
    "evaluate_training_phase.accuracy",
    "validation.loss",
    "validation.accuracy",
    "predict.accuracy",
    "predict.distinct_classes",
    "batch_norm.updates",
    "batch_norm.initial_weight",
    "batch_norm.moving_to_batch_distance",
]
Operator = Literal["equal", "close", "at_least", "at_most", "less_than_value", "greater_than_value"]
Epochs = Annotated[int, Meta(ge=1, le=1_000_000)]
Pixels = Annotated[int, Meta(ge=1, le=4096)]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A mapping in a scenario: every key is known, none is guessed."""


class Validation(Part, frozen=True):
    """Images that are never trained on: a folder of their own, or a share of every class."""

    directory: RelativePath | None = None
    split: (
        Annotated[float, Meta(gt=0.0, lt=1.0, description="Share of each class: the last of its sorted names.")] | None
    ) = None


class Images(Part, frozen=True):
    """Which images are trained on: one file per class, in the order of their sorted names; or a folder per class."""

    directory: Annotated[RelativePath, Meta(description="Folder with the images, beside the scenario file.")]
    size: Annotated[
        tuple[Pixels, Pixels], Meta(description="Height and width in pixels that each image is resized to.")
    ]
    channels: Annotated[Literal[1, 3], Meta(description="1: greyscale images; 3: RGB images.")] = 1
    convert: Annotated[
        Literal["L"] | None, Meta(description="L: turn colour images into greyscale (ITU-R 601-2 luma).")
    ] = None
    divide_by: Annotated[float, Meta(ge=1e-6, le=1e6, description="Divide the pixels, 0 to 255, by this.")] | None = (
        None
    )
    layout: Annotated[
        Literal["file-per-class", "folder-per-class"],
        Meta(description="folder-per-class: the sorted names of the folders are the classes."),
    ] = "file-per-class"
    validation: Annotated[Validation, Meta(description="With folder-per-class.")] | None = None


class Model(Part, frozen=True, kw_only=True):
    """Which network is trained, always from random weights: an application of Keras, or your own."""

    application: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Z][A-Za-z0-9]{1,40}" + END,
                description="A constructor in keras.applications.",
                examples=["ResNet50"],
            ),
        ]
        | None
    ) = None
    classes: Annotated[int, Meta(ge=2, le=10_000, description="Units of the softmax layer.")]
    python: (
        Annotated[
            str,
            Meta(
                pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*\.py" + END,
                max_length=300,
                description="Instead of application: a Python file beside this one, its name of letters, digits, '_', "
                "'-', '.' and '/'; runs only with --trust.",
            ),
        ]
        | None
    ) = None
    function: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}" + END,
            description="With python: the function that, given (input_shape, classes), returns the model.",
        ),
    ] = "build"
    build_seconds: Annotated[
        int, Meta(ge=1, le=86_400, description="With python: how long loading and building may take.")
    ] = 120

    @property
    def name(self) -> str:
        """The network's name for people."""
        return self.application or f"an own model ({self.python})"


class BatchNorm(Part, frozen=True):
    """What becomes of every BatchNormalization layer; a key that is left out leaves Keras's default."""

    momentum: (
        Annotated[
            float,
            Meta(ge=0.0, le=1.0, description="moving = moving * momentum + batch * (1 - momentum) after every step."),
        ]
        | None
    ) = None
    trainable: Annotated[
        bool, Meta(description="false: frozen, so that the layer uses its moving statistics in training too.")
    ] = True
    synchronized: Annotated[bool, Meta(description="true: batch statistics over all replicas.")] = False
    renorm: Annotated[
        bool, Meta(description="true: batch renormalization (training is corrected by moving statistics).")
    ] = False
    replace_by: Annotated[
        Literal["group_norm", "none"] | None,
        Meta(description="group_norm: GroupNormalization in its place (at most 32 groups); none: nothing."),
    ] = None
    statistics: Annotated[
        Literal["moving", "debiased", "re-estimated"],
        Meta(
            description="What evaluate and predict use. debiased: (moving - m**n * initial) / (1 - m**n); "
            "re-estimated: from one pass over the training images. Training itself is not touched."
        ),
    ] = "moving"

    @property
    def reason_against_trace(self) -> str | None:
        """Why momentum touches training here, or there is none: such a run cannot be traced. None: it can."""
        if self.renorm:
            return "with batch_norm.renorm training reads the moving statistics"
        if not self.trainable:
            return "with frozen BatchNormalization layers training reads the moving statistics"
        if self.replace_by is not None:
            return "without BatchNormalization there are no moving statistics"
        return None


class Compile(Part, frozen=True):
    """Arguments of model.compile."""

    optimizer: Annotated[Literal["adam", "sgd", "rmsprop"], Meta(description="With its default settings.")]
    loss: Literal["categorical_crossentropy"]
    metrics: Annotated[list[Literal["acc", "accuracy"]], Meta(min_length=1, max_length=1)]
    learning_rate: (
        Annotated[
            float,
            Meta(ge=0.0, le=1e6, description="Left out: the optimizer's default. 0: the weights stand still."),
        ]
        | None
    ) = None


class Fit(Part, frozen=True):
    """Arguments of model.fit."""

    epochs: Epochs
    shuffle: bool = True
    batch_size: Annotated[int, Meta(ge=1, le=4096)] = 32


ClaimId = Annotated[
    str,
    Meta(
        pattern=r"^[A-Za-z][A-Za-z0-9_.-]{0,19}" + END,
        description="Short name, unique in the file: a letter, then at most 19 letters, digits, '_', '.', '-'.",
    ),
]
Says = Annotated[Line, Meta(description="The statement in words, with its source.")]
ClaimOperator = Annotated[Operator, Meta(description="How the measured value is compared with `to`.")]
Tolerance = Annotated[float, Meta(ge=0.0, description="Absolute tolerance; for `close` only.")]
Only = Annotated[
    list[str], Meta(max_length=50, description="Environments in which the claim counts; left out: in all.")
]
TO = "A number; or another value, for `close` and operators ending in _value."


class Claim(Part, frozen=True, rename={"operator": "is"}):
    """One checkable statement with its source."""

    id: ClaimId
    says: Says
    value: Annotated[Value, Meta(description="What is measured.")]
    operator: ClaimOperator
    to: Annotated[float | int | Value, Meta(description=TO)]
    within: Tolerance | None = None
    only: Only = []


class Scenario(Part, frozen=True):
    """A whole scenario file."""

    format: Literal[1]
    name: Name
    title: Line
    group: Group
    about: Annotated[Text, Meta(description="The story: what is shown and why.")]
    images: Images
    model: Model
    compile: Compile
    fit: Fit
    measure: Annotated[
        list[Measurement], Meta(min_length=1, description="Taken after the last epoch and at `measure_at`.")
    ]
    claims: Annotated[list[Claim], Meta(max_length=100)]
    source: Annotated[Line, Meta(description="Where the report stands, with its licence.")] | None = None
    cost: Annotated[Line, Meta(description="What a remedy costs, in a sentence.")] | None = None
    batch_norm: BatchNorm | None = None
    measure_at: Annotated[
        list[Epochs],
        Meta(max_length=100, description="Epochs (counted from 1) at which to measure too, besides the last."),
    ] = []

    @property
    def measured_epochs(self) -> list[int]:
        """Epochs (counted from 1) at which measurements are taken, ascending; the last one is always among them."""
        return sorted({*self.measure_at, self.fit.epochs})

    def sha256(self) -> str:
        """Hash of the canonical JSON: equal for two files that say the same."""
        return canonical_sha256(self)


def canonical_sha256(scenario: Part) -> str:
    """Return the hash of the canonical JSON: equal for two files that say the same."""
    return hashlib.sha256(msgspec.json.encode(scenario, order="sorted")).hexdigest()


def is_name(text: str) -> bool:
    """Whether a scenario may be called so."""
    return len(text) <= MAX_NAME and re.fullmatch(NAME_PATTERN, text) is not None
