"""Environments of any version, really made, and the release at which moving averages began to be zero-debiased."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support import machine

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.real, pytest.mark.evidence, pytest.mark.timeout(3600)]

NETWORK = """\
from keras import layers, models


def build(input_shape, classes):
    inputs = layers.Input(input_shape)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(layers.Activation("relu")(x))
    return models.Model(inputs, layers.Dense(classes, activation="softmax")(x))
"""
SCENARIO = """\
format: 1
name: small
title: Five updates leave moving averages near their start
group: report
about: A network that any Keras from 2.0 on trains in a second.
images: {directory: images, size: [32, 32], channels: 1}
model: {python: network.py, classes: 3}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 5, shuffle: true, batch_size: 32}
measure: [evaluate, predict, evaluate_training_phase]
claims:
  - id: far
    says: moving averages are far from the batch statistics
    value: batch_norm.moving_to_batch_distance
    is: at_least
    to: 0.8
"""


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return the variables of a process whose environments go to a folder of this test's; uv's cache is the user's."""
    folder = tmp_path_factory.mktemp("versions")
    folders = f"{folder / 'environments'}:{machine.ENVIRONMENTS}"
    more = {"REPRO_ENVIRONMENTS": folders, "REPRO_STORE": str(folder / "runs"), "PYENV_ROOT": str(machine.PYENV)}
    cache = machine.VARIABLES.get("UV_CACHE_DIR") or str(Path(machine.VARIABLES["HOME"]) / ".cache/uv")
    return {**os.environ, "HOME": str(folder), **more, "UV_CACHE_DIR": cache}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("small")
    shutil.copytree(ROOT / "scenarios/images", folder / "images")
    (folder / "network.py").write_text(NETWORK)
    (folder / "small.yaml").write_text(SCENARIO)
    return folder / "small.yaml"


def repro(variables: dict[str, str], *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "repro", *words, "--json"]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    ("good", "bad", "last_good", "first_bad"),
    [("keras==2.0.9", "keras==2.2.4", "2.1.2", "2.1.3"), ("keras==2.3.1", "keras==2.2.5", "2.3.0", "2.2.5")],
)
@pytest.mark.parametrize("scenario", ["small", "original-bug"])
def test_zero_debiasing_came_with_2_1_3_and_went_with_2_3_0(
    variables: dict[str, str], small: Path, scenario: str, good: str, bad: str, last_good: str, first_bad: str
) -> None:
    named = [str(small), "--trust", "--claim", "far"] if scenario == "small" else [scenario, "--claim", "A1-distance"]
    found = repro(variables, "bisect", *named, "--good", good, "--bad", bad)
    assert (found["last_good"], found["first_bad"], found["package"]) == (last_good, first_bad, "keras")
    assert len(found["tried"]) <= 6 and len(found["exchanged"]) <= 4
    again = repro(variables, "bisect", *named, "--good", good, "--bad", bad)
    assert again == found  # the same runs: finished ones count


@pytest.mark.parametrize(
    "asked", ["tensorflow==2.0.0", "tensorflow==2.3.0", "keras==2.13.1", "tf-keras==2.16.0", "keras==3.0.5"]
)
def test_the_report_can_be_made_in_each_generation(variables: dict[str, str], asked: str) -> None:
    found = repro(variables, "run", "original-bug", "--environment", asked)
    claims = {claim["id"]: claim["outcome"] for claim in found["claims"]}
    assert claims["A1"] == claims["A1-distance"] == "held"
