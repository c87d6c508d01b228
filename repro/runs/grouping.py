"""One training for plans that differ only in momentum, number of epochs and measurements.

Momentum does not touch training, and the first epochs of a long run are those of a short one. So the longest run is
traced, and each of the others is derived from it: weights of the epoch, replayed moving statistics, and the
scenario's own measurements in a worker of its own.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable

import msgspec

from repro.environment.definition import Environment
from repro.runs.identity import RunIdentity
from repro.runs.plan import Plan
from repro.runs.records import Device
from repro.scenario.script_types import ScriptScenario
from repro.scenario.types import Scenario

# Where a test proves that replayed statistics have the bits of a run trained at that momentum
# (tests/real/test_what_if.py and test_real_runs.py).
EXACT_ADAPTERS = ("keras-3",)

_NOT_TRAINING = ("name", "title", "group", "about", "source", "cost", "claims", "measure", "measure_at")


def group_by_training(plans: Iterable[Plan]) -> list[list[Plan]]:
    """Return plans that share one training together, the longest first and traced; every other plan alone.

    The order is that of `plans`. A plan that asks for a trace is alone: only a training of its own leaves one.
    """
    groups: dict[object, list[Plan]] = {}
    for position, plan in enumerate(plans):
        key = training_identity(plan) if _can_be_derived(plan) else position
        groups.setdefault(key, []).append(plan)
    return [choose_leader(members) for members in groups.values()]


def replay_is_exact(environment: Environment, device: Device) -> bool:
    """Return whether a test proves replayed statistics exact there: on the CPU only."""
    return environment.is_cpu_certain(device) and environment.definition.adapter in EXACT_ADAPTERS


def _can_be_derived(plan: Plan) -> bool:
    if isinstance(plan.scenario, ScriptScenario):
        return False
    norm = plan.scenario.batch_norm
    may_be_traced = (norm is None or norm.reason_against_trace is None) and plan.model_source is None
    return replay_is_exact(plan.environment, plan.device) and may_be_traced and not plan.drift and not plan.traced


def choose_leader(members: list[Plan]) -> list[Plan]:
    """Return the plans of one training with the longest first, as a traced one that keeps what the others measure."""
    if len(members) == 1:
        return members
    leader = max(members, key=lambda plan: _images(plan).fit.epochs)
    followers = [plan for plan in members if plan is not leader]
    epochs = {epoch for plan in followers for epoch in _images(plan).measured_epochs}
    return [dataclasses.replace(leader, traced=True, snapshot_epochs=tuple(sorted(epochs))), *followers]


def training_identity(plan: Plan) -> RunIdentity:
    """Return an identity that is equal for plans whose training is the same, step by step, as long as both last."""
    part = msgspec.json.encode(training_part(_images(plan)), order="sorted")
    return dataclasses.replace(
        RunIdentity.of_plan(plan), scenario_sha256=hashlib.sha256(part).hexdigest(), validation_images=()
    )


def _images(plan: Plan) -> Scenario:
    assert isinstance(plan.scenario, Scenario)
    return plan.scenario


def training_part(scenario: Scenario) -> dict[str, object]:
    """Return what of a scenario reaches the weights.

    That is all but its words, claims, measurements, momentum, length and the statistics that inference uses.
    """
    plain: dict[str, object] = {
        key: value for key, value in msgspec.to_builtins(scenario).items() if key not in _NOT_TRAINING
    }
    plain["fit"] = {**msgspec.to_builtins(scenario.fit), "epochs": None}
    norm = msgspec.to_builtins(scenario.batch_norm) if scenario.batch_norm is not None else {}
    plain["batch_norm"] = {key: value for key, value in norm.items() if key not in ("momentum", "statistics")}
    plain["images"] = {key: value for key, value in msgspec.to_builtins(scenario.images).items() if key != "directory"}
    return plain
