"""A trace changes no figure, whatever training does with its BatchNormalization layers; else there is no trace."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.odd_runs import STEPS, OddRuns

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture
def train(tmp_path: Path) -> OddRuns:
    return OddRuns(tmp_path)


TRACED = ("plain", "with_dropout", "nested")
REFUSED = {
    "called_twice": "shared is called 2 times in a training step",
    "in_inference_mode": "fixed is called with training=False: training reads the moving statistics",
    "read_by_another": "read is not alone in reading its moving statistics",
    "put_back_by_train_step": "are not the averages of its batches",
}


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras", pytest.param("tf-2.6", marks=pytest.mark.evidence)])
@pytest.mark.parametrize("function", [*TRACED, *REFUSED])
def test_a_trace_changes_no_figure(train: OddRuns, function: str, environment: str) -> None:
    traced, run = train(function, environment, "--trace")
    untraced, _ = train(function, environment)
    assert traced["measurements"] == untraced["measurements"]
    assert traced["measurements"]["fit"]["loss"][-1] < traced["measurements"]["fit"]["loss"][0], "it trained"
    warnings = [line for line in run.progress().warnings if "keeps no trace" in line]
    rows = run.file("arrays/trace.f32")
    asked = train.repro("what-if", run.id, "--momentum", "0.5")
    # Keras 3 hands the model's own phase to a layer that was called with training=False.
    if function in TRACED or (environment, function) == ("keras-3", "in_inference_mode"):
        assert warnings == []
        head = json.loads(run.file("arrays/trace.json").read_text())
        assert rows.stat().st_size == STEPS * head["columns"] * 4
        assert head["exact"] == (environment == "keras-3")
        assert asked.code == 0, asked.err
    else:
        assert len(warnings) == 1 and REFUSED[function] in warnings[0]
        assert not rows.exists() and not run.file("arrays/trace.json").exists()
        assert asked.code == 2 and REFUSED[function] in asked.err


KERAS_2 = ["keras-2.0.9", pytest.param("keras-2.3.1", marks=pytest.mark.evidence)]
REFUSED_IN_KERAS_2 = {
    "called_twice": "shared is called 2 times in a training step",
    "with_a_closure": "shared is called 2 times in a training step",
    "in_inference_mode": "fixed is called with training=False: training reads the moving statistics",
    "read_by_a_lambda": "read is not alone in reading its moving statistics",
}


@pytest.mark.parametrize("environment", KERAS_2)
@pytest.mark.parametrize("function", ["plain", "nested", "distributed_over_time", *REFUSED_IN_KERAS_2])
def test_a_trace_changes_no_figure_in_keras_2(train: OddRuns, function: str, environment: str) -> None:
    """To two digits: two untraced runs already differ now and then, of a shared layer in the third."""
    traced, run = train(function, environment, "--trace")
    untraced, _ = train(function, environment)
    for name in ("evaluate", "evaluate_training_phase"):
        assert traced["measurements"][name] == pytest.approx(untraced["measurements"][name], rel=1e-2, abs=1e-2)
    assert traced["measurements"]["fit"]["loss"] == pytest.approx(untraced["measurements"]["fit"]["loss"], rel=1e-2)
    warnings = [line for line in run.progress().warnings if "keeps no trace" in line]
    if function in REFUSED_IN_KERAS_2:
        assert len(warnings) == 1 and REFUSED_IN_KERAS_2[function] in warnings[0]
        return
    assert warnings == []
    asked = train.repro("what-if", run.id, "--momentum", "0.99")
    if function != "plain":  # whose second layer has another momentum
        assert json.loads(asked.out)["answers"][0]["evaluate"] == traced["measurements"]["evaluate"]
