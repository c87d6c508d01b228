"""A trace changes no figure, whatever training does with its BatchNormalization layers; else there is no trace."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import planted
import pytest

from repro.runs.store import RunDirectory

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SCENARIO = """\
format: 1
name: odd
title: A model of one's own
group: control
about: For tests.
images: {{directory: images, layout: folder-per-class, size: [16, 16]}}
model: {{python: model.py, function: {function}, classes: 2}}
{more}compile: {{optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}}
fit: {{epochs: 4, batch_size: 16}}
measure: [evaluate, predict, evaluate_training_phase]
measure_at: [2]
claims: []
"""
STEPS = 4 * 4  # epochs of sixty images in batches of sixteen

Train = Callable[..., tuple[dict[str, Any], RunDirectory]]


@pytest.fixture
def train(tmp_path: Path) -> Train:
    """Train the model of a function of odd_models.py; the run as JSON, and its directory."""
    planted.draw(tmp_path)
    shutil.copy(Path(__file__).with_name("odd_models.py"), tmp_path / "model.py")

    def run(function: str, environment: str, *options: str, more: str = "") -> tuple[dict[str, Any], RunDirectory]:
        (tmp_path / "s.yaml").write_text(SCENARIO.format(function=function, more=more))
        asked = (str(tmp_path / "s.yaml"), "--trust", "--again", "--environment", environment, "--threads", "1")
        done = repro(tmp_path, "run", *asked, *options)
        printed = json.loads(done.stdout)
        assert printed["state"] == "finished", printed["reason"]
        return printed, RunDirectory(tmp_path / "store" / printed["run"])

    return run


def repro(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "repro", "--store", str(folder / "store"), *arguments, "--json"]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


TRACED = ("plain", "with_dropout", "nested")
REFUSED = {
    "called_twice": "shared is called 2 times in a training step",
    "in_inference_mode": "fixed is called with training=False: training reads the moving statistics",
    "put_back_by_train_step": "are not the averages of its batches",
}


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras", pytest.param("tf-2.6", marks=pytest.mark.evidence)])
@pytest.mark.parametrize("function", [*TRACED, *REFUSED])
def test_a_trace_changes_no_figure(train: Train, tmp_path: Path, function: str, environment: str) -> None:
    traced, run = train(function, environment, "--trace")
    untraced, _ = train(function, environment)
    assert traced["measurements"] == untraced["measurements"]
    assert traced["measurements"]["fit"]["loss"][-1] < traced["measurements"]["fit"]["loss"][0], "it trained"
    warnings = [line for line in run.progress().warnings if "keeps no trace" in line]
    rows = run.file("arrays/trace.f32")
    asked = repro(tmp_path, "what-if", run.id, "--momentum", "0.5")
    # Keras 3 hands the model's own phase to a layer that was called with training=False.
    if function in TRACED or (environment, function) == ("keras-3", "in_inference_mode"):
        assert warnings == []
        head = json.loads(run.file("arrays/trace.json").read_text())
        assert rows.stat().st_size == STEPS * head["columns"] * 4
        assert head["exact"] == (environment == "keras-3")
        assert asked.returncode == 0, asked.stderr
    else:
        assert len(warnings) == 1 and REFUSED[function] in warnings[0]
        assert not rows.exists() and not run.file("arrays/trace.json").exists()
        assert asked.returncode == 2 and REFUSED[function] in asked.stderr


KERAS_2 = ["keras-2.0.9", pytest.param("keras-2.3.1", marks=pytest.mark.evidence)]
REFUSED_IN_KERAS_2 = {
    "called_twice": "shared is called 2 times in a training step",
    "with_a_closure": "shared is called 2 times in a training step",
    "in_inference_mode": "fixed is called with training=False: training reads the moving statistics",
}


@pytest.mark.parametrize("environment", KERAS_2)
@pytest.mark.parametrize("function", ["plain", "nested", "distributed_over_time", *REFUSED_IN_KERAS_2])
def test_a_trace_changes_no_figure_in_keras_2(train: Train, tmp_path: Path, function: str, environment: str) -> None:
    """To four digits: two untraced runs already differ in the sixth, now and then."""
    traced, run = train(function, environment, "--trace")
    untraced, _ = train(function, environment)
    for name in ("evaluate", "evaluate_training_phase"):
        assert traced["measurements"][name] == pytest.approx(untraced["measurements"][name], rel=1e-3, abs=1e-3)
    assert traced["measurements"]["fit"]["loss"] == pytest.approx(untraced["measurements"]["fit"]["loss"], rel=1e-3)
    warnings = [line for line in run.progress().warnings if "keeps no trace" in line]
    if function in REFUSED_IN_KERAS_2:
        assert len(warnings) == 1 and REFUSED_IN_KERAS_2[function] in warnings[0]
        return
    assert warnings == []
    asked = repro(tmp_path, "what-if", run.id, "--momentum", "0.99")
    if function != "plain":  # whose second layer has another momentum
        assert json.loads(asked.stdout)["answers"][0]["evaluate"] == traced["measurements"]["evaluate"]
