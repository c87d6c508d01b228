"""One training for plans that differ only in momentum, number of epochs and measurements.

Momentum does not touch training, and the first epochs of a long run are those of a short one. So the longest run is
traced, and each of the others is derived from it: weights of the epoch, replayed moving statistics, and the
scenario's own measurements in a worker of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

import msgspec

from repro.environment.definition import Environment
from repro.runs.plan import Plan
from repro.runs.records import Device, pixels_and_labels
from repro.scenario.types import Scenario

# Where a test proves that replayed statistics have the bits of a run trained at that momentum
# (tests/real/test_what_if.py and test_real_runs.py).
EXACT_ADAPTERS = ("keras-3",)

_NOT_TRAINING = ("name", "title", "group", "about", "source", "cost", "claims", "measure", "measure_at")


def group(plans: Iterable[Plan]) -> list[list[Plan]]:
    """Plans that one training answers, the longest first and traced; every other plan alone. In the order asked.

    Of a plan that is traced itself the trace is wanted, which only a training of its own leaves.
    """
    groups: dict[object, list[Plan]] = {}
    for position, plan in enumerate(plans):
        key = _training(plan) if _is_exact(plan) else position
        groups.setdefault(key, []).append(plan)
    return [_led(members) for members in groups.values()]


def is_proven(environment: Environment, device: Device) -> bool:
    """Whether a test proves replayed statistics exact there: on the CPU only, and `auto` may be a GPU."""
    on_cpu = device == "cpu" or (device == "auto" and "cuda" not in environment.definition.abilities)
    return on_cpu and environment.definition.adapter in EXACT_ADAPTERS


def _is_exact(plan: Plan) -> bool:
    norm = plan.scenario.batch_norm
    may_be_traced = (norm is None or norm.reason_against_trace is None) and plan.model_source is None
    return is_proven(plan.environment, plan.device) and may_be_traced and not plan.drift and not plan.traced


def _led(members: list[Plan]) -> list[Plan]:
    if len(members) == 1:
        return members
    leader = max(members, key=lambda plan: plan.scenario.fit.epochs)
    others = [plan for plan in members if plan is not leader]
    wanted = {epoch for plan in others for epoch in plan.scenario.measured_epochs}
    return [dataclasses.replace(leader, traced=True, snapshot_epochs=tuple(sorted(wanted))), *others]


def _training(plan: Plan) -> object:
    """Equal for two plans whose training is the same, step by step, as long as both last."""
    return (
        plan.environment.name,
        plan.seed,
        plan.device,
        plan.threads,
        plan.deterministic,
        tuple(pixels_and_labels(plan.images.records)),
        msgspec.json.encode(training_part(plan.scenario), order="sorted"),
    )


def training_part(scenario: Scenario) -> dict[str, object]:
    """What of a scenario reaches the weights: all but its words, claims, measurements, momentum, length and the
    statistics that inference uses.
    """
    plain: dict[str, object] = {
        key: value for key, value in msgspec.to_builtins(scenario).items() if key not in _NOT_TRAINING
    }
    plain["fit"] = {**msgspec.to_builtins(scenario.fit), "epochs": None}
    norm = msgspec.to_builtins(scenario.batch_norm) if scenario.batch_norm is not None else {}
    plain["batch_norm"] = {key: value for key, value in norm.items() if key not in ("momentum", "statistics")}
    plain["images"] = {key: value for key, value in msgspec.to_builtins(scenario.images).items() if key != "directory"}
    return plain
