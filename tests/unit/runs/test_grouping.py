"""What one training answers, and which finished run answers a plan."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from repro.base.errors import ExitCode
from repro.cli.run import RunBatch
from repro.environment import definition
from repro.environment.machine import ONEDNN
from repro.runs import grouping, reuse
from repro.runs.directory import RunDirectory
from repro.runs.plan import Plan
from repro.runs.store import Store
from repro.scenario import images, load
from tests.support.runs import planned


def shipped(name: str, environment: str = "keras-3", seed: int = 0) -> Plan:
    loaded = load.load(load.find(name), environments=definition.names())
    found = images.load(loaded.images_directory, loaded.scenario.images, loaded.scenario.model.classes)
    one = definition.get(environment)
    return Plan(loaded.scenario, loaded.text, one, seed, found, True, threads=2, command=["repro"])


REPORT = ("original-bug", "momentum-0.01", "epochs-1000", "forced-learning-phase")


def is_each_alone(plans: list[Plan]) -> bool:
    """Whether every plan is trained itself, in the order asked."""
    groups = grouping.group_by_training(plans)
    return all(len(group) == 1 and group[0] is plan for group, plan in zip(groups, plans, strict=True))


def test_the_report_is_one_training_led_by_the_longest() -> None:
    (group,) = grouping.group_by_training(shipped(name) for name in REPORT)
    assert [plan.scenario.name for plan in group] == [
        "epochs-1000",
        "original-bug",
        "momentum-0.01",
        "forced-learning-phase",
    ]
    assert group[0].traced and group[0].snapshot_epochs == (5, 20)
    assert not any(plan.traced for plan in group[1:])


def test_a_plan_alone_is_not_traced() -> None:
    plan = shipped("original-bug")
    assert grouping.group_by_training([plan])[0][0] is plan and not plan.traced


def test_plans_that_are_to_leave_a_trace_are_trained_each() -> None:
    assert is_each_alone([dataclasses.replace(shipped(name), traced=True) for name in REPORT])


def test_remedies_that_train_alike_are_of_the_report_s_training() -> None:
    names = ("epochs-1000", "debias", "momentum-0.9", "precise-bn")
    (group,) = grouping.group_by_training(shipped(name) for name in names)
    assert group[0].snapshot_epochs == (5, 10, 20, 30, 50)


def test_what_trains_otherwise_is_trained() -> None:
    plans = [shipped("original-bug"), shipped("original-bug", seed=1), shipped("original-bug", "tf-keras")]
    plans.append(dataclasses.replace(plans[0], threads=1))
    records = [msgspec.structs.replace(image, label=2 - image.label) for image in plans[0].images.records]
    plans.append(dataclasses.replace(plans[0], images=dataclasses.replace(plans[0].images, records=records)))
    assert is_each_alone(plans)


def test_environments_without_proof_of_equal_bits_train_each() -> None:
    plans = [shipped(name, "keras-2.0.9") for name in REPORT]
    assert is_each_alone(plans)


def test_what_may_run_on_a_gpu_is_trained() -> None:
    plans = [shipped(name, "keras-3-gpu") for name in REPORT]
    assert is_each_alone(plans)
    assert not is_each_alone([dataclasses.replace(plan, device="cpu") for plan in plans])


def finished(folder: Path, store: Path) -> Plan:
    supervisor = planned.made_supervisor(planned.make(folder, store, *planned.whole()))
    supervisor._conclude()
    supervisor.log.close()
    return planned.plan(folder)


def test_a_finished_run_answers_its_plan(folder: Path, store: Path) -> None:
    plan = finished(folder, store)
    found = reuse.find_finished(Store(store), plan)
    assert found is not None and found.id == Store(store).runs()[-1].id


def test_nothing_is_derived_from_what_left_no_trace(folder: Path, store: Path) -> None:
    """As a network without BatchNormalization layers does."""
    finished(folder, store)
    run = Store(store).runs()[-1]
    work = RunBatch([shipped(name) for name in REPORT], Store(store), direct=False, again=True)
    sources: list[str | None] = []

    def run_plan(plan: Plan) -> tuple[RunDirectory, ExitCode]:
        sources.append(plan.derived_from)
        return run, ExitCode.DONE

    assert len(list(work.run_all(run_plan))) == len(REPORT) and sources == [None] * len(REPORT)
    sources.clear()
    run.file("arrays/trace.json").touch()
    assert len(list(work.run_all(run_plan))) == len(REPORT) and sources == [None, *[run.id] * (len(REPORT) - 1)]


def test_a_derived_run_is_no_answer_where_each_is_trained(folder: Path, store: Path) -> None:
    plan = finished(folder, store)
    trained = Store(store).runs()[-1]
    finished(folder, store)
    derived = Store(store).runs()[-1]
    result = msgspec.json.decode(derived.file("result.json").read_bytes())
    derived.file("result.json").write_bytes(msgspec.json.encode({**result, "derived_from": "another"}))
    for direct, answer in ((False, derived), (True, trained)):
        assert RunBatch([plan], Store(store), direct=direct, again=False).finished == [answer]
    trained.file("result.json").unlink()
    assert RunBatch([plan], Store(store), direct=True, again=False).count == 1


CHANGES: dict[str, Callable[[Plan], Plan]] = {
    "seed": lambda plan: dataclasses.replace(plan, seed=plan.seed + 1),
    "threads": lambda plan: dataclasses.replace(plan, threads=plan.threads + 1),
    "device": lambda plan: dataclasses.replace(plan, device="cpu"),
    "determinism": lambda plan: dataclasses.replace(plan, deterministic=True),
    "trace": lambda plan: dataclasses.replace(plan, traced=True),
    "weights": lambda plan: dataclasses.replace(plan, keep_weights=True),
    "drift": lambda plan: dataclasses.replace(plan, drift=("numpy",)),
    "environment": lambda plan: dataclasses.replace(plan, environment=definition.get("tf-keras")),
    "epochs": lambda plan: dataclasses.replace(
        plan, scenario=msgspec.structs.replace(plan.scenario, fit=msgspec.structs.replace(plan.scenario.fit, epochs=4))
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_another_plan_is_not_answered(folder: Path, store: Path, change: str) -> None:
    plan = finished(folder, store)
    assert reuse.find_finished(Store(store), CHANGES[change](plan)) is None


def test_other_pixels_are_not_answered(folder: Path, store: Path) -> None:
    finished(folder, store)
    first, second, *_ = sorted((folder / "images").iterdir())
    content = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(content)
    assert reuse.find_finished(Store(store), planned.plan(folder)) is None


@pytest.mark.parametrize(("then", "now"), [("0", None), (None, "0"), ("1", "0")])
def test_other_kernels_are_not_answered(
    folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch, then: str | None, now: str | None
) -> None:
    """As a verified bundle's run has them, which asks for those of the machine that it comes from."""
    plan = finished(folder, store)
    (run,) = Store(store).runs()
    variables = {"LANG": "C.UTF-8"} if then is None else {ONEDNN: then}
    run.file("environment.json").write_bytes(msgspec.json.encode({"format": 1, "facts": {"variables": variables}}))
    for value, answers in ((then, True), (now, False)):
        monkeypatch.delenv(ONEDNN, raising=False)
        if value is not None:
            monkeypatch.setenv(ONEDNN, value)
        assert (reuse.find_finished(Store(store), plan) is not None) == answers
    run.file("environment.json").write_text("{")
    assert reuse.find_finished(Store(store), plan) is None


@pytest.mark.parametrize(
    ("later", "answers"),
    [
        ({}, True),
        ({"drift": ["numpy: locked 2.0, installed 1.26"]}, False),
        ({"lock_sha256": "0" * 64}, False),
        ({"variables": {ONEDNN: "0"}}, False),
    ],
)
def test_a_run_that_was_resumed_with_others_is_no_answer(
    folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch, later: dict[str, object], answers: bool
) -> None:
    monkeypatch.delenv(ONEDNN, raising=False)
    plan = finished(folder, store)
    (run,) = Store(store).runs()
    facts = {"drift": [], "lock_sha256": plan.environment.lock_sha256(), "variables": {}}
    for name, found in (("environment.json", facts), ("environment-2.json", facts | later)):
        run.file(name).write_bytes(msgspec.json.encode({"format": 1, "facts": found}))
    assert (reuse.find_finished(Store(store), plan) is not None) == answers
    assert bool(list(reuse.find_matching(Store(store), plan))) == answers, "nor does a sweep go on with it"


def test_an_unfinished_or_damaged_run_is_no_answer(folder: Path, store: Path) -> None:
    plan = finished(folder, store)
    run = Store(store).runs()[-1]
    result = run.file("result.json").read_text()
    run.file("result.json").write_text(re.sub("finished", "fin", result))
    planned.make(folder, store, planned.started())
    run.file("result.json").write_text(result[:20])
    assert reuse.find_finished(Store(store), plan) is None
