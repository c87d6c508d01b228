"""A worker that waits for its run: taken where all is as it was prepared for, ended otherwise. A script stands in."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from repro.base.errors import UnusableError
from repro.environment import definition
from repro.runs import events
from repro.runs.plan import Plan
from repro.runs.store import Store
from repro.scenario import images, load
from repro.supervise import warm_worker, worker_process
from repro.supervise.supervisor import supervise
from repro.supervise.warm_worker import WarmWorker
from tests.support.processes import lives
from tests.support.stand_in_worker import PRELUDE, WHOLE

WAITS = """\
print("imported", flush=True)
if request["kind"] == "warm":
    send("worker_ready")
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    request = json.loads(line)
assert sys.stdin.readline() == "" and request["kind"] == "run"
"""
MakePlan = Callable[..., Plan]


@pytest.fixture
def make_plan(folder: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakePlan:
    """A plan of the scenario in `folder`; `script` will be the worker."""
    loaded = load.load(folder / "s.yaml", environments=definition.names())
    found = images.load(folder / "images", loaded.scenario.images, 3)

    def make(script: str = WAITS + WHOLE, seed: int = 0) -> Plan:
        worker = tmp_path / "worker.py"
        worker.write_text(PRELUDE + script)
        monkeypatch.setattr(worker_process, "WORKER", worker)
        environment = definition.get("keras-3")
        return Plan(loaded.scenario, loaded.text, environment, seed, found, False, 2, ["repro"])

    return make


def ready(worker: WarmWorker) -> None:
    end = time.monotonic() + 20
    while not worker.is_ready:
        select.select(worker.descriptors, [], [], 1)
        assert worker.listen() and time.monotonic() < end


def run(store: Path, plan: Plan, worker: WarmWorker | None) -> list[events.AnyEvent]:
    """Make the run; its events."""
    store.mkdir(exist_ok=True)
    made, lock = plan.create(Store(store))
    assert supervise(made, lock, made.record(), plan.scenario, plan.environment, warm=worker) == 0
    assert made.result() is not None
    assert "imported\n" in made.file("worker.log").read_text()
    return made.reader().read()


def of_worker(said: list[events.AnyEvent]) -> events.WorkerStarted:
    return next(event for event in said if isinstance(event, events.WorkerStarted))


def test_a_warm_worker_makes_the_run_it_was_made_for(make_plan: MakePlan, store: Path) -> None:
    plan = make_plan()
    cold = run(store, plan, None)
    with WarmWorker(plan) as worker:
        ready(worker)
        pid = worker.pid
        found = run(store, plan, worker)
        again = run(store, plan, worker)
    assert of_worker(found).pid == pid and (of_worker(found).warm_seconds or 0) > 0
    assert kinds(found) == kinds(cold)
    assert of_worker(cold).warm_seconds is of_worker(again).warm_seconds is None
    assert not lives(pid)


def kinds(found: list[events.AnyEvent]) -> list[str]:
    """What happened, but for the signs of life that a slow run gives."""
    return [type(event).__name__ for event in found if not isinstance(event, events.Heartbeat)]


def test_one_that_is_not_ready_is_taken_all_the_same(make_plan: MakePlan, store: Path) -> None:
    plan = make_plan("time.sleep(0.5)\n" + WAITS + WHOLE)
    with WarmWorker(plan) as worker:
        found = run(store, plan, worker)
    assert of_worker(found).warm_seconds is not None
    assert not any(isinstance(event, events.WorkerReady) for event in found)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"threads": 1},
        {"device": "cpu"},
        {"deterministic": True},
        {"traced": True},
        {"keep_weights": True},
        {"scenario": "another"},
        {"environment": "tf-keras"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_plan_gets_a_cold_worker(make_plan: MakePlan, store: Path, change: dict[str, object]) -> None:
    plan = make_plan()
    other = dict(change)
    if "scenario" in change:
        text = plan.scenario_text.replace("momentum: 0.99", "momentum: 0.5")
        other["scenario"] = load.parse(text, name="s.yaml", environments=definition.names())
    if "environment" in change:
        other["environment"] = definition.get("tf-keras")
    with WarmWorker(plan) as worker:
        ready(worker)
        pid = worker.pid
        found = run(store, replace(plan, **other), worker)  # type: ignore[arg-type]
        assert not lives(pid)
    assert of_worker(found).warm_seconds is None and of_worker(found).pid != pid


def test_an_environment_that_was_installed_again_gets_a_cold_worker(make_plan: MakePlan, store: Path) -> None:
    plan = make_plan()
    with WarmWorker(plan) as worker:
        ready(worker)
        (plan.environment.prefix / definition.MARKER).write_text("{}")
        assert of_worker(run(store, plan, worker)).warm_seconds is None


def test_a_warm_worker_that_died_is_not_missed(make_plan: MakePlan, store: Path) -> None:
    plan = make_plan('print("imported")\nif request["kind"] == "warm": sys.exit(1)\n' + WHOLE)
    with WarmWorker(plan) as worker:
        while worker.listen():
            time.sleep(0.01)
        assert of_worker(run(store, plan, worker)).warm_seconds is None


def test_nothing_is_left_of_one_that_is_not_asked(make_plan: MakePlan, monkeypatch: pytest.MonkeyPatch) -> None:
    with WarmWorker(make_plan()) as worker:
        ready(worker)
        home = worker._worker._home
        assert home.is_dir() and lives(worker.pid)
    assert not home.exists() and not lives(worker.pid)


def test_an_own_models_run_is_never_prepared(make_plan: MakePlan) -> None:
    plan = make_plan()
    model = type(plan.scenario.model)(python="model.py", classes=3)
    own = replace(plan, scenario=msgspec.structs.replace(plan.scenario, model=model))
    with pytest.raises(UnusableError, match="own model or program"):
        WarmWorker(own)


def test_memory_that_is_free_is_less_than_there_is() -> None:
    from repro.environment.record import memory_bytes

    assert 0 < warm_worker.available_bytes() < memory_bytes()
