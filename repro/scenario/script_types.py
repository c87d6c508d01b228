"""What a script scenario may say: one whose training is a program (`format: 2`)."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from repro.scenario.types import (
    END,
    TO,
    Claim,
    ClaimId,
    ClaimOperator,
    Group,
    Line,
    Name,
    Only,
    Part,
    RelativePath,
    Says,
    Scenario,
    Text,
    Tolerance,
    canonical_sha256,
)

SCRIPT_FORMAT = 2
SEED = "{seed}"

# Any metric may be named as the program's Keras names it.
ProgramValue = Annotated[
    str,
    Meta(
        pattern=r"^((fit|evaluate|inference|evaluate_training_phase|validation)\.[A-Za-z][A-Za-z0-9_]{0,59}"
        r"|predict\.(accuracy|distinct_classes)"
        r"|batch_norm\.(updates|initial_weight|moving_to_batch_distance)"
        r"|printed\.[a-z][a-z0-9_]{0,39})" + END,
        description="printed.NAME, or evaluate.loss, evaluate.accuracy or another metric of evaluate, inference, "
        "evaluate_training_phase, validation or fit; predict.accuracy, predict.distinct_classes, batch_norm.updates, "
        "batch_norm.initial_weight, batch_norm.moving_to_batch_distance.",
        examples=["printed.accuracy"],
    ),
]
PrintedName = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{0,39}" + END,
        description="a lower-case letter, then at most 39 lower-case letters, digits, '_'",
    ),
]
Pattern = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        description="A regular expression of RE2 with one group, which is a number; its last match in the last 1 MiB "
        "of the program's output counts.",
    ),
]


class ProgramClaim(Part, frozen=True, rename={"operator": "is"}):
    """One checkable statement about what a program printed, or about what was recorded of its training."""

    id: ClaimId
    says: Says
    value: ProgramValue
    operator: ClaimOperator
    to: Annotated[float | int | ProgramValue, Meta(description=TO)]
    within: Tolerance | None = None
    only: Only = msgspec.field(default_factory=list)


class Script(Part, frozen=True):
    """The program that trains. It is copied into the run with its files and runs with --trust only."""

    file: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*\.py" + END,
            max_length=300,
            description="A Python file beside this one, its name of letters, digits, '_', '-', '.' and '/'.",
        ),
    ]
    arguments: Annotated[
        list[Annotated[str, Meta(max_length=1000)]],
        Meta(
            max_length=100,
            description="Its arguments; {seed} in them is the run's seed, as is the variable REPRO_SEED.",
        ),
    ] = msgspec.field(default_factory=list)
    seconds: Annotated[int, Meta(ge=1, le=604_800, description="How long it may take.")] = 600
    files: Annotated[
        list[RelativePath], Meta(max_length=100, description="Files and folders beside this one that it reads.")
    ] = msgspec.field(default_factory=list)


class ScriptScenario(Part, frozen=True):
    """A scenario whose training is a program, recorded while it runs."""

    format: Literal[2]
    name: Name
    title: Line
    group: Group
    about: Annotated[Text, Meta(description="The story: what is shown and why.")]
    script: Script
    claims: Annotated[list[ProgramClaim], Meta(max_length=100)]
    printed: Annotated[
        dict[PrintedName, Pattern], Meta(max_length=50, description="Numbers that the program prints, by a name.")
    ] = msgspec.field(default_factory=dict)
    training: (
        Annotated[
            int,
            Meta(ge=1, le=1000, description="Which of the models that it trains counts, from 1; left out: the last."),
        ]
        | None
    ) = None
    source: Annotated[Line, Meta(description="Where the report stands, with its licence.")] | None = None

    def sha256(self) -> str:
        """Hash of the canonical JSON: equal for two files that say the same."""
        return canonical_sha256(self)

    def arguments(self, seed: int) -> list[str]:
        """Return the program's arguments for one seed."""
        return [argument.replace(SEED, str(seed)) for argument in self.script.arguments]


AnyScenario = Scenario | ScriptScenario
AnyClaim = Claim | ProgramClaim
