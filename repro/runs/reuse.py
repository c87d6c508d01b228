"""Runs of the store that a plan would only repeat."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping

import msgspec

from repro import __version__
from repro.base.errors import InputError
from repro.environment.machine import ONEDNN
from repro.runs import layout
from repro.runs.directory import RunDirectory, read_json
from repro.runs.plan import Plan
from repro.runs.records import RunRecord, pixels_and_labels
from repro.runs.store import Store


def find(store: Store, plan: Plan, *, trained: bool = False) -> RunDirectory | None:
    """The newest finished run that is what `plan` asks for, on the device it asks for; None: there is none.

    `trained`: only one that was trained itself, not derived from another's training.
    """
    return next((run for run in matching(store, plan) if _is_answer(run, trained)), None)


def _is_answer(run: RunDirectory, trained: bool) -> bool:
    try:
        result = run.result()
    except InputError:
        return False  # damaged; `runs` says so
    return result is not None and not result.degraded and not (trained and result.derived_from is not None)


def matching(store: Store, plan: Plan) -> Iterator[RunDirectory]:
    """All runs, in whatever state, that were asked for as `plan` asks; the newest first."""
    middle = f"-{plan.scenario.name}-{plan.environment.name}-s{plan.seed}-"
    for run in reversed(store.runs()):
        if middle not in run.id:
            continue
        try:
            record = run.record()
        except InputError:
            continue
        if matches(record, plan) and _ran_as_asked(run, plan):
            yield run


class _Facts(msgspec.Struct):
    variables: dict[str, str] = {}
    drift: list[str] = []
    lock_sha256: str | None = None


class _Environment(msgspec.Struct):
    """environment.json as far as it is read here."""

    facts: _Facts = msgspec.field(default_factory=_Facts)


def kernels(run: RunDirectory) -> dict[str, str] | None:
    """The variable by which a run's kernels were chosen, where it was set; None where that is not recorded (yet)."""
    found = read_json(run.path, layout.ENVIRONMENT, _Environment)
    return None if found is None else _choice(found.facts.variables)


def _choice(variables: Mapping[str, str]) -> dict[str, str]:
    return {ONEDNN: variables[ONEDNN]} if ONEDNN in variables else {}


def _ran_as_asked(run: RunDirectory, plan: Plan) -> bool:
    """Whether each stretch had the packages of the lock, and the kernels that would be chosen now; as far as recorded.

    A resume may have gone on with others (`--allow-drift`).
    """
    wanted = _choice({**os.environ, **plan.environment.definition.variables})
    for file in run.environment_files():
        try:
            record = read_json(run.path, file.name, _Environment)
        except InputError:
            return False
        if record is not None and (
            record.facts.drift
            or record.facts.lock_sha256 not in (None, plan.environment.lock_sha256())
            or _choice(record.facts.variables) != wanted
        ):
            return False
    return True


def question(plan: Plan) -> str:
    """SHA-256 of what `plan` asks, whatever its seed."""
    said = (
        plan.scenario.sha256(),
        plan.environment.name,
        plan.environment.lock_sha256(),
        _choice({**os.environ, **plan.environment.definition.variables}),
        (plan.device, plan.threads, plan.deterministic, plan.traced, plan.keep_weights),
        pixels_and_labels(plan.images.records),
        pixels_and_labels(plan.validation_records),
        plan.model_sha256,
        __version__,
    )
    return hashlib.sha256(msgspec.json.encode(said)).hexdigest()


def matches(record: RunRecord, plan: Plan) -> bool:
    """Whether a run with this record is what `plan` asks for."""
    return (
        record.scenario_sha256 == plan.scenario.sha256()
        and record.environment == plan.environment.name
        and record.lock_sha256 == plan.environment.lock_sha256()
        and record.seed == plan.seed
        and record.device == plan.device
        and record.threads == plan.threads
        and record.deterministic == plan.deterministic
        and pixels_and_labels(record.images) == pixels_and_labels(plan.images.records)
        and pixels_and_labels(record.validation_images) == pixels_and_labels(plan.validation_records)
        and record.model_sha256 == plan.model_sha256
        and record.package_version == __version__
        and not record.drift
        and not plan.drift
        and record.traced >= plan.traced
        and (not plan.traced or record.snapshot_epochs is None)
        and record.keep_weights >= plan.keep_weights
    )
