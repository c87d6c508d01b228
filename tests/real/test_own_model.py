"""A user's own model is trained like an application of Keras, and every way in which it can be unfit has its line."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.base import shipped
from repro.runs.directory import RunDirectory
from repro.supervise.worker_process import MAX_LOG_BYTES
from tests.support.command_line import Answer, run_process
from tests.support.paths import PROGRAMS

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

MODEL = PROGRAMS / "own_model.py"
SCENARIO = """\
format: 1
name: own
title: A model of one's own
group: control
about: For tests.
images: {{directory: images, size: [24, 24], channels: 1}}
model: {{python: model.py, function: {function}, classes: 3, build_seconds: {seconds}}}
compile: {{optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}}
fit: {{epochs: 2}}
measure: [evaluate, predict, evaluate_training_phase]
claims: []
"""


@pytest.fixture
def train(tmp_path: Path) -> Callable[..., tuple[Answer, RunDirectory]]:
    """Train the model that a function of own_model.py makes; what was printed, and the run."""

    def run(function: str, *options: str, seconds: int = 120) -> tuple[Answer, RunDirectory]:
        shutil.copytree(shipped.folder("scenarios") / "images", tmp_path / "images")
        shutil.copy(MODEL, tmp_path / "model.py")
        (tmp_path / "s.yaml").write_text(SCENARIO.format(function=function, seconds=seconds))
        done = run_process("run", str(tmp_path / "s.yaml"), "--trust", "--json", *options, store=tmp_path / "store")
        return done, RunDirectory(tmp_path / "store" / done.json["run"])

    return run


UNFIT = {
    "raises": "your model raised in line 32, RuntimeError: no such luck",
    "returns_nothing": "returns_nothing() returned NoneType of builtins, not a model",
    "gives_logits": "not probabilities: end it with softmax",
    "takes_other_images": "takes (7, 7, 3) for each image, the scenario asks for (24, 24, 1)",
    "gives_other_classes": "gives (4,) for each image, the scenario asks for (3,)",
    "leaves": "your model raised in line 64, SystemExit",
    "not_there": "has no function called not_there",
}


@pytest.mark.parametrize("function", UNFIT)
def test_an_unfit_model_ends_the_run_with_one_clear_reason(train: Any, function: str) -> None:
    done, _ = train(function)
    assert done.code == 4
    assert done.json["state"] == "failed"
    assert UNFIT[function] in done.json["reason"]


def test_a_model_that_hangs_is_stopped_at_its_limit(train: Any) -> None:
    done, _ = train("hangs", seconds=2)
    assert done.code == 4
    assert "was not built within 2 s (model.build_seconds)" in done.json["reason"]


def test_a_million_lines_do_not_fill_the_disk(train: Any) -> None:
    done, run = train("chatters")
    assert done.json["state"] == "finished"
    log = run.file("worker.log").read_bytes()
    assert len(log) < MAX_LOG_BYTES + 100
    assert b"[the log is full: the rest was dropped]" in log


def test_without_batch_normalization_the_answer_is_clear_and_no_error(train: Any, tmp_path: Path) -> None:
    done, run = train("without_batch_norm", "--trace")
    assert done.json["state"] == "finished"
    assert "batch_norm" not in done.json["measurements"]
    assert any("no BatchNormalization layers" in line for line in run.progress().warnings)
    refused = run_process("what-if", "last", "--momentum", "0.5", store=tmp_path / "store")
    assert refused.code == 2
    assert "has no BatchNormalization layers" in refused.err


def test_layers_inside_of_a_model_inside_are_found(train: Any) -> None:
    done, run = train("nested", "--trace")
    assert done.json["measurements"]["batch_norm"]["updates"] == 2
    assert len(run.progress().drift[2].layers) == 1


@pytest.mark.parametrize("environment", ["keras-3", "keras-2.0.9"])
@pytest.mark.parametrize("function", ["other_momentum", "two_momenta"])
def test_a_trace_changes_nothing_of_layers_with_a_momentum_of_their_own(
    train: Any, tmp_path: Path, function: str, environment: str
) -> None:
    asked = ("--environment", environment, "--threads", "1")
    traced, run = train(function, "--trace", *asked)
    again = ("run", str(tmp_path / "s.yaml"), "--trust", "--json", "--again", *asked)
    untraced = run_process(*again, store=tmp_path / "store").json
    measured = traced.json["measurements"]
    assert (measured["batch_norm"]["momentum"], measured["batch_norm"]["initial_weight"]) == (0.9, 0.9**2)
    assert measured["evaluate"] != measured["evaluate_training_phase"]
    assert measured == untraced["measurements"]
    momenta = {"other_momentum": [0.9], "two_momenta": [0.5, 0.9]}[function]
    assert run.progress().fingerprint["momentum"] == momenta
    assert any("differ in momentum" in line for line in run.progress().warnings) == (len(momenta) > 1)

    file = tmp_path / "s.yaml"
    file.write_text(file.read_text().replace("fit:", "batch_norm: {statistics: debiased}\nfit:"))
    debiased = [
        run_process(*again, *more, store=tmp_path / "store").json["measurements"] for more in ((), ("--trace",))
    ]
    assert debiased[0] == debiased[1]
    assert debiased[0]["batch_norm"]["initial_weight"] == 0.0


def test_the_run_keeps_the_code_and_a_bundle_runs_it_only_with_trust(train: Any, tmp_path: Path) -> None:
    done, run = train("build", "--trace")
    assert done.json["state"] == "finished"
    assert run.record().model_sha256 == hashlib.sha256(MODEL.read_bytes()).hexdigest()
    assert run.file("model.py").read_bytes() == MODEL.read_bytes()
    (tmp_path / "model.py").write_text("raise SystemExit")
    asked = run_process("what-if", "last", "--momentum", "0.99", "--json", store=tmp_path / "store")
    assert asked.json["answers"][0]["evaluate"]["loss"] == done.json["measurements"]["evaluate"]["loss"]

    refused = run_process("issue", "last", store=tmp_path / "store")
    assert refused.code == 2
    assert "no standalone script can hold: attach the bundle instead" in refused.err

    bundle = str(tmp_path / "b.zip")
    assert run_process("export", "last", "-o", bundle, "--with-images", store=tmp_path / "store").code == 0
    refused = run_process("verify", bundle, store=tmp_path / "store")
    assert refused.code == 2
    assert "would run Python code of its own (model.py): give --trust" in refused.err
    assert run_process("verify", bundle, "--no-run", store=tmp_path / "store").code == 0
    assert (
        run_process("verify", bundle, "--trust", "--json", store=tmp_path / "store").json["runs"][0]["grade"]
        == "bit-identical"
    )

    run.file("model.py").write_bytes(b"raise SystemExit")
    refused = run_process("what-if", run.id, "--momentum", "0.99", store=tmp_path / "store")
    assert refused.code == 2
    assert "is not the code that was run" in refused.err
