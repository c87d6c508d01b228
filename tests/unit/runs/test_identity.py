"""Which runs are the same: a case for every field of RunIdentity."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from repro.environment.machine import ONEDNN
from repro.runs import grouping, identity, reuse
from repro.runs.identity import RunIdentity, identity_hash, is_same_run
from repro.runs.plan import Plan
from repro.runs.store import Store
from repro.scenario.images import ImageSet
from tests.support.runs import planned

Change = Callable[[Plan, pytest.MonkeyPatch, Path], Plan]


def _another_lock(plan: Plan, folder: Path) -> Plan:
    copy = folder / "environment"
    copy.mkdir()
    lock = plan.environment.lock
    (copy / lock.name).write_bytes(lock.read_bytes() + b"# changed\n")
    return dataclasses.replace(plan, environment=msgspec.structs.replace(plan.environment, folder=copy))


def _other_kernels(plan: Plan, patch: pytest.MonkeyPatch) -> Plan:
    patch.setenv(ONEDNN, "0")
    return plan


def _another_version(plan: Plan, patch: pytest.MonkeyPatch) -> Plan:
    patch.setattr(identity, "__version__", "9.9.9")
    patch.setattr("repro.runs.plan.__version__", "9.9.9")
    return plan


def _with_validation(plan: Plan) -> Plan:
    validation = ImageSet(plan.images.pixels, plan.images.records)
    return dataclasses.replace(plan, images=dataclasses.replace(plan.images, validation=validation))


def _other_labels(plan: Plan) -> Plan:
    records = [msgspec.structs.replace(image, label=2 - image.label) for image in plan.images.records]
    return dataclasses.replace(plan, images=dataclasses.replace(plan.images, records=records))


# A plan that differs in this field, and in no other.
CHANGES: dict[str, Change] = {
    "scenario_sha256": lambda plan, _, __: dataclasses.replace(
        plan, scenario=msgspec.structs.replace(plan.scenario, fit=msgspec.structs.replace(plan.scenario.fit, epochs=4))
    ),
    "environment": lambda plan, _, __: dataclasses.replace(
        plan,
        environment=msgspec.structs.replace(
            plan.environment, definition=msgspec.structs.replace(plan.environment.definition, name="another")
        ),
    ),
    "lock_sha256": lambda plan, _, folder: _another_lock(plan, folder),
    "kernels": lambda plan, patch, _: _other_kernels(plan, patch),
    "seed": lambda plan, _, __: dataclasses.replace(plan, seed=plan.seed + 1),
    "device": lambda plan, _, __: dataclasses.replace(plan, device="cpu"),
    "threads": lambda plan, _, __: dataclasses.replace(plan, threads=plan.threads + 1),
    "deterministic": lambda plan, _, __: dataclasses.replace(plan, deterministic=True),
    "traced": lambda plan, _, __: dataclasses.replace(plan, traced=True),
    "snapshot_epochs": lambda plan, _, __: dataclasses.replace(plan, snapshot_epochs=(2,)),
    "keep_weights": lambda plan, _, __: dataclasses.replace(plan, keep_weights=True),
    "images": lambda plan, _, __: _other_labels(plan),
    "validation_images": lambda plan, _, __: _with_validation(plan),
    "model_sha256": lambda plan, _, __: dataclasses.replace(plan, model_source=b"def build(): ..."),
    "package_version": lambda plan, patch, _: _another_version(plan, patch),
    "drift": lambda plan, _, __: dataclasses.replace(plan, drift=("numpy: locked 2.0, installed 1.26",)),
}
# A run may keep more than is asked for; how often a traced run keeps weights matters only if a trace is asked for.
MORE_THAN_ASKED = {"traced", "keep_weights", "snapshot_epochs"}
# Only a script scenario has a program: tests/unit/scenario has its case.
FIELDS = [field.name for field in dataclasses.fields(RunIdentity) if field.name != "program"]


@pytest.fixture
def plan(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    monkeypatch.delenv(ONEDNN, raising=False)
    return planned.plan(folder)


def test_every_field_has_a_case() -> None:
    assert list(CHANGES) == FIELDS


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_makes_it_another_run(
    field: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = RunIdentity.of_plan(plan)
    changed = CHANGES[field](plan, monkeypatch, tmp_path)
    after = RunIdentity.of_plan(changed)
    assert [name for name in FIELDS if getattr(before, name) != getattr(after, name)] == [field]
    recorded = RunIdentity.of_record(changed.record())
    assert dataclasses.replace(recorded, kernels=after.kernels) == after, "run.json says what the plan says"
    assert is_same_run(before, before)
    if field != "snapshot_epochs":
        assert not is_same_run(before, after)
    assert is_same_run(after, before) == (field in MORE_THAN_ASKED)


def test_a_trace_with_fewer_weights_is_not_the_trace_that_is_asked_for(plan: Plan) -> None:
    wanted = RunIdentity.of_plan(dataclasses.replace(plan, traced=True))
    assert is_same_run(wanted, wanted)
    assert not is_same_run(dataclasses.replace(wanted, snapshot_epochs=(3,)), wanted)


@pytest.mark.parametrize("field", FIELDS)
def test_a_finished_run_is_reused_only_for_the_same_plan(
    field: str, folder: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(ONEDNN, raising=False)
    plan = planned.plan(folder)
    run = planned.make(folder, store, *planned.whole())
    supervisor = planned.made_supervisor(run)
    supervisor._conclude()
    supervisor.log.close()
    run.file("environment.json").write_bytes(msgspec.json.encode({"format": 1, "facts": {"variables": {}}}))
    assert reuse.find_finished(Store(store), plan) == run
    wanted = CHANGES[field](plan, monkeypatch, tmp_path)
    found = reuse.find_finished(Store(store), wanted)
    assert found == (run if field == "snapshot_epochs" else None)


# -- the hash in sweep.json -------------------------------------------------------------------------------------------

STORED = RunIdentity(
    scenario_sha256="a" * 64,
    environment="keras-3",
    lock_sha256="b" * 64,
    kernels=((ONEDNN, "0"),),
    seed=3,
    device="auto",
    threads=2,
    deterministic=False,
    traced=True,
    snapshot_epochs=None,
    keep_weights=False,
    images=(("1" * 64, 0), ("2" * 64, 1)),
    validation_images=(("1" * 64, 0),),
    model_sha256=None,
    package_version="0.1.0",
    drift=(),
)


def test_the_hash_is_the_one_that_stores_have() -> None:
    """Computed by the version that wrote the first sweep.json with a hash."""
    assert identity_hash(STORED) == "e4d00eb31b59158ae540ebd2e5abf3e4ea9a7c8260832b35ad34d03b50c61901"


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_but_the_seed_changes_the_hash(
    field: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sweeps set no snapshot epochs and allow no drift."""
    before = identity_hash(RunIdentity.of_plan(plan))
    after = identity_hash(RunIdentity.of_plan(CHANGES[field](plan, monkeypatch, tmp_path)))
    assert (before == after) == (field in ("seed", "snapshot_epochs", "drift"))


# -- one training for several plans -----------------------------------------------------------------------------------


@pytest.mark.parametrize("field", FIELDS)
def test_each_field_but_validation_makes_it_another_training(
    field: str, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the scenario only what reaches the weights counts: the case changes nothing but the number of epochs."""
    before = grouping.training_identity(plan)
    after = grouping.training_identity(CHANGES[field](plan, monkeypatch, tmp_path))
    assert (before == after) == (field in ("validation_images", "scenario_sha256"))
