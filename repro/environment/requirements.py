"""What an environment must have for a run: abilities, the network, a GPU. All is decided before anything starts."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import msgspec

from repro.base.decoding import decode_json
from repro.base.errors import InputError, UnusableError
from repro.base.text import one_line
from repro.environment.definition import Ability, Environment, shipped_environments
from repro.scenario.types import Scenario

APPLICATIONS_FILE = "applications.json"
DRIVER = Path("/proc/driver/nvidia/version")
DEVICES = Path("/dev")

_CANNOT: dict[Ability, str] = {  # but for cuda: see require_gpu
    "plain-averages": "zero-debiases its moving statistics",
    "frozen": "goes on normalising with the batch in frozen layers",
    "synchronized": "has no BatchNormalization(synchronized=True)",
    "renorm": "has no BatchNormalization(renorm=True)",
    "group-norm": "has no GroupNormalization",
}


def require_abilities(environment: Environment, scenario: Scenario, *, traced: bool) -> None:
    """InputError for a trace that would mean nothing, UnusableError where the environment lacks what is needed."""
    reason = scenario.batch_norm.reason_against_trace if traced and scenario.batch_norm is not None else None
    if reason is not None:
        raise InputError(f"{scenario.name} cannot be traced: {reason}", do="leave --trace out")
    if environment.definition.cannot_train:
        raise UnusableError(
            f"{environment.name} cannot train a scenario ({environment.definition.cannot_train})",
            do="choose another environment, or record a program of your own in it (repro record --environment)",
        )
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


# -- the network


class Applications(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Names of constructors in keras.applications, each with the smallest image side in pixels that it takes."""

    format: int
    smallest_side: dict[str, int]


def applications_of(environment: Environment) -> dict[str, int] | None:
    """The environment's applications; None where it was never asked (scripts/list_applications.py asks)."""
    return _read(environment.folder / APPLICATIONS_FILE)


@functools.cache
def _read(file: Path) -> dict[str, int] | None:
    if not file.is_file():
        return None
    return decode_json(file.read_bytes(), Applications).smallest_side


def require_application(environment: Environment, scenario: Scenario) -> None:
    """InputError where the environment cannot build the scenario's network."""
    reason = _why_not(environment, scenario)
    if reason is not None:
        raise InputError(f"model.application: {reason[0]}", do=reason[1])


def require_application_anywhere(scenario: Scenario) -> None:
    """InputError where no environment can build the scenario's network; the default one's reason is given."""
    asked = [one for one in shipped_environments().values() if applications_of(one) is not None]
    reasons = [_why_not(environment, scenario) for environment in asked]
    if reasons and None not in reasons:
        closest = next((reason for reason in reasons if reason and "smaller" in reason[0]), reasons[0])
        assert closest is not None
        raise InputError(f"model.application: {closest[0]}", do=closest[1])


def _why_not(environment: Environment, scenario: Scenario) -> tuple[str, str] | None:
    """What is wrong and what to do; None where the network can be built as far as is known."""
    name = scenario.model.application
    known = applications_of(environment)
    if name is None:
        return None
    if known is None:
        # Never asked: an environment that is being added. A name that no other one has is refused all the same.
        unknown = f"no environment has an application called {one_line(name, 60)}", "see keras.applications"
        return None if name in _all_names() else unknown
    if name not in known:
        near = sorted(known, key=lambda other: (_distance(name, other), other))[:3]
        have = f"choose from {', '.join(near)} and others (environments/{environment.name}/{APPLICATIONS_FILE})"
        return f"{environment.name} has no application called {one_line(name, 60)}", have
    smallest = known[name]
    if min(scenario.images.size) < smallest:
        height, width = scenario.images.size
        what = f"images of {height} x {width} are smaller than {name} takes in {environment.name}"
        return what, f"images.size: at least [{smallest}, {smallest}]"
    return None


@functools.cache
def _all_names() -> frozenset[str]:
    return frozenset(name for one in shipped_environments().values() for name in applications_of(one) or {})


def _distance(name: str, other: str) -> int:
    """Characters that do not agree from the beginning on; enough to offer ResNet50 for Resnet50."""
    same = sum(a == b for a, b in zip(name.lower(), other.lower(), strict=False))
    return max(len(name), len(other)) - same


# -- the GPU


def gpu_devices() -> list[Path]:
    """The GPUs' device files; WSL has one for all."""
    return sorted([*DEVICES.glob("nvidia[0-9]*"), *DEVICES.glob("dxg")])


def why_gpu_is_absent() -> str | None:
    """What is missing; None where there are devices."""
    if gpu_devices():
        return None
    return "the NVIDIA driver is loaded but gives no device" if DRIVER.is_file() else "no NVIDIA driver is loaded"


def require_gpu(environment: Environment, *, here: bool = True, run: str = "", instead: str = "") -> None:
    """UnusableError where `environment` cannot have a GPU: no CUDA in it; `here` also no driver, no device.

    `run`: the one that asked for it; `instead`: what its user can do without one.
    """
    whose = f"the run {run} asks for --device gpu" if run else "--device gpu"
    if "cuda" not in environment.definition.abilities:
        raise UnusableError(
            f"{whose}: {environment.name} has a TensorFlow without CUDA", do=instead or "add --environment keras-3-gpu"
        )
    reason = why_gpu_is_absent() if here else None
    if reason is not None:
        mend = "make its devices visible (in a container: compose.gpu.yaml)" if DRIVER.is_file() else "install it"
        instead = instead or "leave --device out: then the CPU is used"
        raise UnusableError(f"{whose}: {reason} ({DRIVER})", do=f"{mend}, or {instead}")
