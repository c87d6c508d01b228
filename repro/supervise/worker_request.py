"""What a worker is asked to do: one type for each kind of request."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from repro.base.errors import EndedEarlyError
from repro.environment.definition import Environment
from repro.environment.record import RECORDED_VARIABLES
from repro.runs.checkpoint_interval import checkpoint_seconds
from repro.runs.directory import RunDirectory
from repro.runs.event_base import Number
from repro.runs.records import Device, RunRecord
from repro.scenario.types import Scenario

SNAPSHOT_EPOCHS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


class _Request(msgspec.Struct, frozen=True, kw_only=True):
    """What every request says: the adapter, and what TensorFlow is told when it is imported."""

    adapter: str
    supervisor: int
    seed: int
    threads: int
    device: Device
    deterministic: bool
    record_variables: list[str]


class ProbeRequest(_Request, frozen=True, kw_only=True):
    """Asks for the worker's part of the environment record, or for what its BatchNormalization can do."""

    kind: Literal["probe", "abilities"] = "probe"


class TraceRequest(msgspec.Struct, frozen=True):
    """How to trace a run: the epochs after which it keeps its weights."""

    snapshot_epochs: list[int]


class WhatIfRequest(_Request, frozen=True, kw_only=True):
    """Asks for the network of a traced run; questions follow, a line each."""

    kind: Literal["what_if"] = "what_if"
    scenario: dict[str, Any]
    directory: str
    labels: list[int]
    trace: TraceRequest


class Source(msgspec.Struct, frozen=True):
    """The traced run that a run is derived from; `epochs`: loss, accuracy and seconds of each."""

    run: str
    directory: str
    epochs: list[tuple[Number, Number, float]]


class Checkpoint(msgspec.Struct, frozen=True):
    """The checkpoint that a resumed run continues from."""

    epoch: int
    file: str


class RunRequest(_Request, frozen=True, kw_only=True):
    """Asks for a run. `warm`: everything before it; the run itself follows as a second request."""

    kind: Literal["run", "warm", "derive"] = "run"
    scenario: dict[str, Any]
    labels: list[int]
    validation_labels: list[int]
    measured_epochs: list[int]
    checkpoint_seconds: float
    keep_weights: bool
    trace: TraceRequest | None
    directory: str | UnsetType = UNSET
    source: Source | None = None
    resume: Checkpoint | None = None


def probe_request(
    environment: Environment, *, device: Device, threads: int, kind: Literal["probe", "abilities"] = "probe"
) -> ProbeRequest:
    """Return the request for what `environment` says about itself."""
    common = _common(environment, seed=0, threads=threads, device=device, deterministic=False)
    return ProbeRequest(**common, kind=kind)


def run_request(record: RunRecord, scenario: Scenario, environment: Environment) -> RunRequest:
    """Return the request for a run, without its directory and what it continues from."""
    return RunRequest(
        **_of_record(record, environment),
        scenario=_complete(scenario),
        labels=[image.label for image in record.images],
        validation_labels=[image.label for image in record.validation_images],
        measured_epochs=scenario.measured_epochs,
        checkpoint_seconds=checkpoint_seconds(),
        keep_weights=record.keep_weights,
        trace=_trace(record, scenario) if record.traced else None,
    )


def what_if_request(directory: Path, record: RunRecord, scenario: Scenario, environment: Environment) -> WhatIfRequest:
    """Return the request for the network and trace of the run in `directory`."""
    return WhatIfRequest(
        **_of_record(record, environment),
        scenario=_complete(scenario),
        directory=encode_path(directory),
        labels=[image.label for image in record.images],
        trace=_trace(record, scenario),
    )


def source_of(traced: RunDirectory, epochs: int) -> Source:
    """Return what a derived run of `epochs` epochs takes over; EndedEarlyError if the traced run is gone."""
    if traced.result() is None:
        raise EndedEarlyError(f"the traced run {traced.id} is gone or did not finish", do="start this one anew")
    progress = traced.progress()
    rows = zip(progress.loss, progress.accuracy, progress.epoch_seconds, strict=True)
    return Source(traced.id, encode_path(traced.path), list(rows)[:epochs])


def _of_record(record: RunRecord, environment: Environment) -> dict[str, Any]:
    return _common(
        environment,
        seed=record.seed,
        threads=record.threads,
        device=record.device,
        deterministic=record.deterministic,
    )


def _common(
    environment: Environment, *, seed: int, threads: int, device: Device, deterministic: bool
) -> dict[str, Any]:
    return {
        "adapter": environment.definition.adapter,
        "supervisor": os.getpid(),
        "seed": seed,
        "threads": threads,
        "device": device,
        "deterministic": deterministic,
        "record_variables": list(RECORDED_VARIABLES),
    }


def _trace(record: RunRecord, scenario: Scenario) -> TraceRequest:
    if record.snapshot_epochs is not None:
        return TraceRequest(record.snapshot_epochs)
    epochs = {*SNAPSHOT_EPOCHS, *scenario.measured_epochs}
    return TraceRequest(sorted(epoch for epoch in epochs if epoch <= scenario.fit.epochs))


def _complete(scenario: Scenario) -> dict[str, Any]:
    """Return a scenario with the defaults that its type leaves open."""
    plain: dict[str, Any] = msgspec.to_builtins(scenario)
    plain["fit"] = {"shuffle": scenario.fit.shuffle, "batch_size": scenario.fit.batch_size, **plain["fit"]}
    plain["images"] = {"channels": scenario.images.channels, **plain["images"]}
    return plain


def encode_path(path: Path) -> str:
    """Return an absolute path as JSON can hold it, whatever its bytes: one character for each byte."""
    return os.fsencode(path.absolute()).decode("latin-1")
