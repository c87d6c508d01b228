"""Whether a result follows from its figures: one check for bundles and for runs that come back from a cluster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from repro.runs.records import Result
from repro.runs.result_check import contradiction
from repro.runs.view import RunView
from tests.support.runs.planned import made_supervisor, make, whole

Change = Callable[[dict[str, Any]], Any]

CHANGES: dict[str, tuple[Change, str]] = {
    "another run": (lambda result: result.update(run="another"), "result.json belongs to another run"),
    "another scenario": (lambda result: result.update(scenario="another"), "belongs to another run"),
    "another environment": (lambda result: result.update(environment="another"), "belongs to another run"),
    "another seed": (lambda result: result.update(seed=7), "belongs to another run"),
    "more classes": (
        lambda result: result["measurements"]["predict"].update(probabilities=[[0.1, 0.9, 0.0, 0.0]] * 3),
        "its predictions do not fit its scenario",
    ),
    "fewer images": (
        lambda result: result["measurements"]["predict"].update(probabilities=[[0.1, 0.9, 0.0]], classes=[1]),
        "its predictions do not fit its scenario",
    ),
    "another figure": (
        lambda result: result["measurements"]["evaluate"].update(loss=0.0),
        "evaluate.loss is not what its events.jsonl says",
    ),
    "a figure that was not logged": (
        lambda result: result["measurements"].update(validation={"loss": 0.0, "accuracy": 1.0}),
        "validation.loss is not what its events.jsonl says",
    ),
    "another outcome": (lambda result: result["claims"][0].update(outcome="failed"), "its claims do not follow"),
    "another measured value": (lambda result: result["claims"][0].update(measured=0.5), "its claims do not follow"),
    "a claim less": (lambda result: result.update(claims=[]), "its claims do not follow"),
    "another verdict": (
        lambda result: result.update(verdict="INCONCLUSIVE"),
        "its verdict INCONCLUSIVE does not follow from its measurements",
    ),
}


@pytest.fixture
def view(folder: Path, store: Path) -> RunView:
    run = make(folder, store, *whole())
    supervisor = made_supervisor(run)
    supervisor._conclude()
    supervisor.log.close()
    return RunView(run)


def changed(view: RunView, change: Change) -> Result:
    plain = msgspec.to_builtins(view.result)
    change(plain)
    return msgspec.convert(plain, Result)


def test_a_result_follows_from_its_run(view: RunView) -> None:
    assert view.result is not None
    assert contradiction(view, view.result, view.run.require_scenario(), with_text=True) is None


@pytest.mark.parametrize("what", CHANGES)
def test_a_result_that_contradicts_its_run(what: str, view: RunView) -> None:
    change, words = CHANGES[what]
    fault = contradiction(view, changed(view, change), view.run.require_scenario())
    assert fault is not None and words in fault


def test_figures_of_a_later_version_contradict_nothing(view: RunView) -> None:
    def later(result: dict[str, Any]) -> None:
        result["measurements"]["predict"]["entropy"] = 0.5
        result["measurements"]["calibration"] = {"error": 0.1}

    assert contradiction(view, changed(view, later), view.run.require_scenario()) is None


def test_the_words_of_claims_count_only_within_one_version(view: RunView) -> None:
    result = changed(view, lambda result: result["claims"][0].update(says="something else"))
    scenario = view.run.require_scenario()
    assert contradiction(view, result, scenario) is None
    assert contradiction(view, result, scenario, with_text=True) == "its claims do not follow from its measurements"
