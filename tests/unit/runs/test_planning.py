"""From options to plans: what is left out, what is named twice, what is shipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.base import shipped
from repro.environment import definition
from repro.runs.planning import RunOptions, make_plans
from tests.support.installations import install_stand_in
from tests.support.scenario_files import Edit


def test_all_leaves_out_what_cannot_be(own_environments: Path) -> None:
    install_stand_in(own_environments)
    asked = RunOptions(all_scenarios=True, environments=("keras-3",), trace=True)
    notes: list[str] = []
    planned = [plan.scenario.name for plan in make_plans(asked, command=[], report=notes.append)]
    assert "original-bug" in planned and "precise-bn" in planned
    assert not {"batch-renorm", "frozen-bn", "group-norm", "no-batch-norm"} & set(planned)
    assert "batch-renorm is left out in keras-3, which cannot run it so" in notes


def test_a_namesake_of_what_cannot_be_is_run(scenario: Edit, folder: Path) -> None:
    """Files may share a scenario's name; the same file twice is one run."""
    good = folder / "good.yaml"
    good.write_text(scenario().read_text())
    bad = scenario("batch_norm: {momentum: 0.99}", "batch_norm: {renorm: true}")
    asked = RunOptions(
        scenarios=(str(bad), str(good), f"{folder}/images/../good.yaml"), environments=("all",), trace=True
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("repro.runs.planning.choose_environments", lambda _: [definition.get("keras-3")])
        notes: list[str] = []
        (plan,) = make_plans(asked, command=[], is_local=False, report=notes.append)
    assert plan.scenario_text == good.read_text()
    assert notes == [f"small ({bad}) is left out in keras-3, which cannot run it so"]


def test_a_shipped_scenario_named_by_its_path_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(shipped.folder("scenarios").parent)
    for name in ("original-bug", "scenarios/original-bug.yaml", "./tests/../scenarios/original-bug.yaml"):
        (plan,) = make_plans(RunOptions(scenarios=(name,)), command=[], is_local=False)
        assert plan.shipped_images, name
    (plan,) = make_plans(
        RunOptions(scenarios=("original-bug",), images=shipped.folder("scenarios") / "images"),
        command=[],
        is_local=False,
    )
    assert not plan.shipped_images
