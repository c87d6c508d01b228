"""Which scenarios an environment can run: decided before anything starts."""

from __future__ import annotations

from collections.abc import Iterator

from repro.base.errors import InputError, UnusableError
from repro.environment.definition import Ability, Environment
from repro.scenario.types import Scenario

_CANNOT: dict[Ability, str] = {  # but for cuda: see gpu.require
    "plain-averages": "zero-debiases its moving statistics",
    "frozen": "goes on normalising with the batch in frozen layers",
    "synchronized": "has no BatchNormalization(synchronized=True)",
    "renorm": "has no BatchNormalization(renorm=True)",
    "group-norm": "has no GroupNormalization",
}


def require(environment: Environment, scenario: Scenario, *, traced: bool) -> None:
    """InputError for a trace that would mean nothing, UnusableError where the environment lacks what is needed."""
    reason = scenario.batch_norm.reason_against_trace if traced and scenario.batch_norm is not None else None
    if reason is not None:
        raise InputError(f"{scenario.name} cannot be traced: {reason}", do="leave --trace out")
    for ability, what in _needed(scenario, traced):
        if ability not in environment.definition.abilities:
            raise UnusableError(
                f"{what} is not possible in {environment.name}, which {_CANNOT[ability]}",
                do="choose another environment (repro environment list)",
            )


def _needed(scenario: Scenario, traced: bool) -> Iterator[tuple[Ability, str]]:
    if traced:
        yield "plain-averages", "--trace"
    norm = scenario.batch_norm
    if norm is None:
        return
    if norm.statistics == "debiased":
        yield "plain-averages", "batch_norm.statistics: debiased"
    if not norm.trainable:
        yield "frozen", "batch_norm.trainable: false"
    if norm.synchronized:
        yield "synchronized", "batch_norm.synchronized"
    if norm.renorm:
        yield "renorm", "batch_norm.renorm"
    if norm.replace_by == "group_norm":
        yield "group-norm", "batch_norm.replace_by: group_norm"
