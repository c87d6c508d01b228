"""A what-if is what a run at that momentum gives: bit for bit in Keras 3 on the CPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.environment import definition
from repro.environment.record import usable_cores
from repro.runs.directory import RunDirectory
from repro.runs.plan import Plan
from repro.runs.run_json import run_json
from repro.runs.store import Store
from repro.scenario import images, load
from repro.supervise.supervisor import supervise
from repro.supervise.what_if import WhatIfSession, snapshots

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]


def train(store: Store, folder: Path, momentum: float, *, traced: bool) -> RunDirectory:
    """original-bug at `momentum`."""
    shipped = load.find("original-bug")
    text = shipped.read_text(encoding="utf-8").replace("{momentum: 0.99}", f"{{momentum: {momentum}}}")
    file = folder / f"momentum-{momentum}.yaml"
    file.write_text(text, encoding="utf-8")
    scenario = load.load(file, environments=definition.names()).scenario
    plan = Plan(
        scenario=scenario,
        scenario_text=text,
        environment=definition.get("keras-3"),
        seed=0,
        images=images.load(shipped.parent / "images", scenario.images, 3),
        shipped_images=True,
        threads=usable_cores(),
        command=["repro", "run"],
        traced=traced,
    )
    run, lock = plan.create(store)
    supervise(run, lock, run.record(), scenario, plan.environment)
    return run


def test_what_if_gives_the_bits_of_a_run_at_that_momentum(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    traced = train(store, tmp_path, 0.99, traced=True)
    direct = run_json(train(store, tmp_path, 0.3, traced=False))["measurements"]
    own = run_json(traced)["measurements"]
    assert snapshots(traced) == [1, 2, 5]
    with WhatIfSession(traced) as session:
        same, other = session.ask(0.99, 5), session.ask(0.3, 5)
        debiased, re_estimated = session.ask(0.99, 5, "debiased"), session.ask(0.99, 5, "re-estimated")
    assert same.exact and other.exact
    assert (same.predict, same.evaluate) == (own["predict"], own["evaluate"])
    assert (other.predict, other.evaluate) == (direct["predict"], direct["evaluate"])
    assert other.evaluate["loss"] != same.evaluate["loss"]
    assert debiased.evaluate["loss"] != same.evaluate["loss"]
    assert not debiased.exact and not re_estimated.exact
    assert re_estimated.predict["accuracy"] == 1.0
    assert re_estimated.evaluate["loss"] == pytest.approx(own["evaluate_training_phase"]["loss"], rel=1e-3, abs=1e-4)
