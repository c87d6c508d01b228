"""Tells whether two runs are the same run: one would only repeat the other."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Self

import msgspec
from msgspec import UNSET, UnsetType

from repro import __version__
from repro.environment.machine import ONEDNN
from repro.runs import layout
from repro.runs.directory import RunDirectory, read_json
from repro.runs.plan import Plan
from repro.runs.records import Device, RunRecord
from repro.scenario.image_record import ImageRecord
from repro.scenario.script_record import ScriptRecord

# Hash of an image's pixels and its class: what of it reaches the figures, in the order of training.
PixelsAndLabel = tuple[str, int]
# The variables that choose TensorFlow's kernels, with their values; empty if none is set.
Kernels = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RunIdentity:
    """What decides the figures of a run and the files that it keeps.

    A new field counts in every comparison, unless the comparison names it.
    """

    scenario_sha256: str
    environment: str
    lock_sha256: str
    # None: not recorded yet.
    kernels: Kernels | None
    seed: int
    device: Device
    threads: int
    deterministic: bool
    traced: bool
    # Epochs whose weights a traced run keeps; None: the usual ones.
    snapshot_epochs: tuple[int, ...] | None
    keep_weights: bool
    images: tuple[PixelsAndLabel, ...]
    validation_images: tuple[PixelsAndLabel, ...]
    model_sha256: str | None
    package_version: str
    # What differed from the lock, or from one attempt to the next; such a run is the same as no other.
    drift: tuple[str, ...]
    # Name and hash of each file of a program; empty where images are trained.
    program: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of_plan(cls, plan: Plan) -> Self:
        """Return the identity of the run that `plan` would make here and now."""
        return cls(
            scenario_sha256=plan.scenario.sha256(),
            environment=plan.environment.name,
            lock_sha256=plan.environment.lock_sha256(),
            kernels=_kernels({**os.environ, **plan.environment.definition.variables}),
            seed=plan.seed,
            device=plan.device,
            threads=plan.threads,
            deterministic=plan.deterministic,
            traced=plan.traced,
            snapshot_epochs=plan.snapshot_epochs,
            keep_weights=plan.keep_weights,
            images=_pixels_and_labels(plan.image_records),
            validation_images=_pixels_and_labels(plan.validation_records),
            model_sha256=plan.model_sha256,
            program=_program(plan.script_record),
            package_version=__version__,
            drift=plan.drift,
        )

    @classmethod
    def of_record(cls, record: RunRecord) -> Self:
        """Return the identity of a run as far as run.json tells it."""
        return cls(
            scenario_sha256=record.scenario_sha256,
            environment=record.environment,
            lock_sha256=record.lock_sha256,
            kernels=None,
            seed=record.seed,
            device=record.device,
            threads=record.threads,
            deterministic=record.deterministic,
            traced=record.traced,
            snapshot_epochs=None if record.snapshot_epochs is None else tuple(record.snapshot_epochs),
            keep_weights=record.keep_weights,
            images=_pixels_and_labels(record.images),
            validation_images=_pixels_and_labels(record.validation_images),
            model_sha256=record.model_sha256,
            program=_program(record.script),
            package_version=record.package_version,
            drift=tuple(record.drift),
        )

    @classmethod
    def of_run(cls, run: RunDirectory) -> Self:
        """Return the identity of a run, with what its attempts recorded; InputError if its records are damaged.

        `resume --allow-drift` lets a later attempt have other packages, another lock or other kernels.
        """
        identity = cls.of_record(run.record())
        kernels: Kernels | None = None
        drift = [*identity.drift]
        for facts in _facts_of_attempts(run):
            drift += facts.drift
            if facts.lock_sha256 not in (None, identity.lock_sha256):
                drift.append("another lock file")
            if kernels is not None and kernels != _kernels(facts.variables):
                drift.append("other kernels")
            kernels = _kernels(facts.variables)
        return dataclasses.replace(identity, kernels=kernels, drift=tuple(drift))


def is_same_run(run: RunIdentity, wanted: RunIdentity) -> bool:
    """Return whether `run` is what `wanted` asks for: a trace or weights may be kept that were not asked for."""
    if run.drift or wanted.drift:
        return False
    comparable = dataclasses.replace(
        run,
        kernels=wanted.kernels if run.kernels is None else run.kernels,
        traced=run.traced and wanted.traced,
        snapshot_epochs=run.snapshot_epochs if wanted.traced else wanted.snapshot_epochs,
        keep_weights=run.keep_weights and wanted.keep_weights,
    )
    return comparable == wanted


def identity_hash(identity: RunIdentity) -> str:
    """Return a SHA-256 that all seeds of one scenario in one environment share.

    sweep.json has it: a sweep replaces an older one of the same runs. So the order of its parts never changes.
    """
    parts = (
        identity.scenario_sha256,
        identity.environment,
        identity.lock_sha256,
        dict(identity.kernels or ()),
        (identity.device, identity.threads, identity.deterministic, identity.traced, identity.keep_weights),
        identity.images,
        identity.validation_images,
        identity.model_sha256,
        identity.package_version,
        *((identity.program,) if identity.program else ()),
    )
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def recorded_kernels(run: RunDirectory) -> dict[str, str] | None:
    """Return the variables that chose the kernels of a run's first attempt; None if that is not recorded yet."""
    record = read_json(run.path, layout.ENVIRONMENT, _EnvironmentRecord)
    return None if record is None else dict(_kernels(record.facts.variables))


class _Facts(msgspec.Struct):
    variables: dict[str, str] = {}
    drift: list[str] = []
    lock_sha256: str | None = None


class _EnvironmentRecord(msgspec.Struct):
    """environment.json as far as it decides whether runs are the same."""

    facts: _Facts = msgspec.field(default_factory=_Facts)


def _facts_of_attempts(run: RunDirectory) -> Iterable[_Facts]:
    for file in run.environment_files():
        record = read_json(run.path, file.name, _EnvironmentRecord)
        if record is not None:
            yield record.facts


def _kernels(variables: Mapping[str, str]) -> Kernels:
    return tuple((name, variables[name]) for name in (ONEDNN,) if name in variables)


def _program(record: ScriptRecord | UnsetType) -> tuple[tuple[str, str], ...]:
    return () if record is UNSET else tuple((file.name, file.sha256) for file in record.files)


def _pixels_and_labels(images: Iterable[ImageRecord]) -> tuple[PixelsAndLabel, ...]:
    return tuple((image.pixels_sha256, image.label) for image in images)
