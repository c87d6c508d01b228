"""Which Keras applications an environment has: environments/NAME/applications.json, made by asking it."""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec

from repro.base.errors import InputError
from repro.base.text import one_line
from repro.environment.definition import Environment, shipped_environments
from repro.scenario.types import Scenario

FILE = "applications.json"


class Applications(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of constructors in keras.applications, each with the smallest image side in pixels that it takes."""

    format: int
    smallest_side: dict[str, int]


def of(environment: Environment) -> dict[str, int] | None:
    """The environment's applications; None where it was never asked (scripts/list_applications.py asks)."""
    return _read(environment.folder / FILE)


@functools.cache
def _read(file: Path) -> dict[str, int] | None:
    if not file.is_file():
        return None
    return msgspec.json.decode(file.read_bytes(), type=Applications).smallest_side


def require(environment: Environment, scenario: Scenario) -> None:
    """InputError where the environment cannot build the scenario's network."""
    reason = _why_not(environment, scenario)
    if reason is not None:
        raise InputError(f"model.application: {reason[0]}", do=reason[1])


def require_anywhere(scenario: Scenario) -> None:
    """InputError where no environment can build the scenario's network; the default one's reason is given."""
    asked = [one for one in shipped_environments().values() if of(one) is not None]
    reasons = [_why_not(environment, scenario) for environment in asked]
    if reasons and None not in reasons:
        closest = next((reason for reason in reasons if reason and "smaller" in reason[0]), reasons[0])
        assert closest is not None
        raise InputError(f"model.application: {closest[0]}", do=closest[1])


def _why_not(environment: Environment, scenario: Scenario) -> tuple[str, str] | None:
    """What is wrong and what to do; None where the network can be built as far as is known."""
    name = scenario.model.application
    known = of(environment)
    if name is None:
        return None
    if known is None:
        # Never asked: an environment that is being added. A name that no other one has is refused all the same.
        unknown = f"no environment has an application called {one_line(name, 60)}", "see keras.applications"
        return None if name in _all_names() else unknown
    if name not in known:
        near = sorted(known, key=lambda other: (_distance(name, other), other))[:3]
        have = f"choose from {', '.join(near)} and others (environments/{environment.name}/{FILE})"
        return f"{environment.name} has no application called {one_line(name, 60)}", have
    smallest = known[name]
    if min(scenario.images.size) < smallest:
        height, width = scenario.images.size
        what = f"images of {height} x {width} are smaller than {name} takes in {environment.name}"
        return what, f"images.size: at least [{smallest}, {smallest}]"
    return None


@functools.cache
def _all_names() -> frozenset[str]:
    return frozenset(name for one in shipped_environments().values() for name in of(one) or {})


def _distance(name: str, other: str) -> int:
    """Characters that do not agree from the beginning on; enough to offer ResNet50 for Resnet50."""
    same = sum(a == b for a, b in zip(name.lower(), other.lower(), strict=False))
    return max(len(name), len(other)) - same
