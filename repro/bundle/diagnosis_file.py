"""diagnosis.json: what the rules made of a recording's figures when it was exported, to be checked by the reader."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from repro.base import shipped
from repro.base.errors import InputError
from repro.base.text import one_line
from repro.explain.causes.finding import Finding
from repro.explain.diagnosis import diagnose
from repro.runs.directory import RunDirectory, read_json

NAME = "diagnosis.json"
FORMAT = 1
MAX_BYTES = 1024 * 1024
# Two machines add the same figures in another order.
ROUND_OFF = 1e-6

_Text = Annotated[str, Meta(max_length=10_000)]


class Trial(msgspec.Struct, frozen=True):
    """What a trial gave, as far as it is compared."""

    says: _Text
    works: bool


class Stated(msgspec.Struct, frozen=True):
    """A finding, as far as it is compared."""

    cause: Annotated[str, Meta(max_length=100)]
    says: _Text
    numbers: dict[str, float | int | str | None]
    remedy: _Text
    trials: list[Trial] = []


class StatedDiagnosis(msgspec.Struct, frozen=True):
    """The whole file. `rules`: hash of the rules that made it, so that other rules are told from other figures."""

    format: int
    rules: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    diagnosis: Annotated[str, Meta(max_length=100)]
    findings: Annotated[list[Stated], Meta(min_length=1, max_length=100)]


def write(findings: Sequence[Finding]) -> bytes:
    """Return the file for findings, the first of which is the diagnosis."""
    content = {
        "format": FORMAT,
        "rules": rules_sha256(),
        "diagnosis": findings[0].cause,
        "findings": msgspec.to_builtins(list(findings)),
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def read(run: RunDirectory) -> StatedDiagnosis | None:
    """Read the file of a recording in a bundle; None if there is none, InputError if it is damaged."""
    return read_json(run.path, NAME, StatedDiagnosis, MAX_BYTES)


def contradiction(stated: StatedDiagnosis, findings: Sequence[Finding]) -> str | None:
    """Return in words how a stated diagnosis differs from the one that follows from the figures; None if it does not.

    The wording may differ; causes, numbers and what the trials gave may not.
    """
    if [one.cause for one in stated.findings] != [one.cause for one in findings] or (
        stated.diagnosis != findings[0].cause
    ):
        return f"its diagnosis {one_line(stated.diagnosis, 40)} does not follow from its figures: {findings[0].cause}"
    for one, found in zip(stated.findings, findings, strict=True):
        numbers = _plain(found.numbers)
        wrong = [name for name in one.numbers.keys() | numbers.keys() if not _equal(one.numbers, numbers, name)]
        if wrong:
            return f"{one_line(min(wrong), 60)} of its diagnosis is not what its figures give"
        if [trial.works for trial in one.trials] != [trial.works for trial in found.trials]:
            return "the trials of its diagnosis are not those of its events"
    return None


def follows(run: RunDirectory, stated: StatedDiagnosis) -> bool | None:
    """Return whether a stated diagnosis follows from the figures; None if other rules made it and came to another one.

    InputError if the same rules cannot have made it.
    """
    fault = contradiction(stated, diagnose(run))
    if fault is None:
        return True
    if stated.rules == rules_sha256():
        raise InputError(fault, do="ask for the bundle again, or export it again", file=run.file(NAME))
    return None


@functools.cache
def rules_sha256() -> str:
    """Return a hash over the sources of the rules."""
    digest = hashlib.sha256()
    for file in sorted((shipped.PACKAGE / "explain").rglob("*.py")):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _plain(numbers: dict[str, Any]) -> dict[str, Any]:
    """Return numbers as JSON holds them: what is not finite is null there."""
    return {name: None if isinstance(one, float) and not math.isfinite(one) else one for name, one in numbers.items()}


def _equal(left: dict[str, Any], right: dict[str, Any], name: str) -> bool:
    if name not in left or name not in right:
        return False
    one, another = left[name], right[name]
    if isinstance(one, int | float) and isinstance(another, int | float):
        return math.isclose(one, another, rel_tol=ROUND_OFF, abs_tol=ROUND_OFF)
    return bool(one == another)
