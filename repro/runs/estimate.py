"""How long a run will take here, from finished runs of the same work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import msgspec

from repro.base.errors import InputError
from repro.environment import definition
from repro.runs.directory import RunDirectory
from repro.runs.summary import RunSummary
from repro.scenario.types import Scenario


@dataclass(frozen=True)
class Work:
    """What decides how long an epoch takes on one machine."""

    environment: str
    device: str
    network: str
    images: str
    batch_size: int

    @classmethod
    def of(cls, scenario: Scenario, environment: str, device: str) -> Self:
        """Return the work of one epoch of `scenario`; `device` is the one asked for."""
        images, model = scenario.images, scenario.model
        # How many images a folder per class holds is known to that folder only, and what an own model does to it only.
        folder = msgspec.json.encode(images).decode() if images.layout == "folder-per-class" else ""
        return cls(
            environment=environment,
            device=_device(environment, device),
            network=f"{model.application or scenario.sha256()}, {model.classes} classes",
            images=f"{images.size[0]} x {images.size[1]} x {images.channels} {folder}",
            batch_size=scenario.fit.batch_size,
        )


@dataclass(frozen=True)
class Timing:
    """What one finished run took. Times in seconds."""

    work: Work
    scenario_sha256: str
    # When it began, since the epoch.
    started: float
    epochs: int
    total: float
    # Median of its epochs without the first, which is slower; None if it had only one.
    epoch: float | None

    @property
    def kind(self) -> tuple[str, Work]:
        """What a later timing replaces: the same scenario and work."""
        return self.scenario_sha256, self.work


@dataclass(frozen=True)
class Estimate:
    """Expected seconds of a run; `is_measured`: the last run of the same scenario took them."""

    seconds: float
    is_measured: bool


def read_timing(run: RunDirectory, summary: RunSummary) -> Timing | None:
    """Read what a run took; None if it tells nothing about others: unfinished, derived, or made by a program.

    InputError if its files are damaged.
    """
    if summary.seconds is None or summary.derived_from is not None:
        return None
    scenario = run.scenario()
    if not isinstance(scenario, Scenario):
        return None
    return Timing(
        work=Work.of(scenario, summary.environment, summary.device),
        scenario_sha256=summary.scenario_sha256,
        started=summary.started,
        epochs=summary.epochs,
        total=summary.seconds,
        epoch=run.progress().step_seconds,
    )


def expected_time(timings: Iterable[Timing], scenario: Scenario, environment: str, device: str) -> Estimate | None:
    """Return the expected time of a run; None if no run here did the same work."""
    work = Work.of(scenario, environment, device)
    sha256 = scenario.sha256()
    newest_first = sorted(
        (timing for timing in timings if timing.work == work), key=lambda timing: timing.started, reverse=True
    )
    for timing in newest_first:
        if timing.scenario_sha256 == sha256:
            return Estimate(timing.total, is_measured=True)
    for timing in newest_first:
        if timing.epoch is not None:
            besides = max(timing.epoch, timing.total - timing.epochs * timing.epoch)
            return Estimate(besides + scenario.fit.epochs * timing.epoch, is_measured=False)
    return None


def _device(environment: str, device: str) -> str:
    """Return the device that is certain, else the one asked for: `auto` means the CPU if there is no other."""
    try:
        is_cpu = definition.get(environment).is_cpu_certain(device)
    except InputError:  # an environment of another version
        is_cpu = False
    return "cpu" if is_cpu else device
