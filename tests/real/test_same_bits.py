"""The bits of a run are those of a plain script, and measuring leaves the model as it was."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from repro.environment import definition
from repro.environment.record import usable_cores
from repro.supervise.worker_process import WORKER, worker_variables
from tests.support.paths import PROGRAMS, ROOT
from tests.support.real_runs import RealRuns, plain_script
from tests.support.scenario_files import SIX_EPOCHS

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]
# Environments that make evidence installs, and make test-real does not.
HISTORY = [pytest.param(name, marks=pytest.mark.evidence) for name in ("keras-2.2.4", "keras-2.3.1", "tf-2.6")]
TF_KERAS = pytest.param("tf-keras", marks=pytest.mark.evidence)  # keras-3's adapter but for a few calls


def test_a_plain_script_gives_the_same_bits(repro: RealRuns, tmp_path: Path) -> None:
    """Optimizer and metrics built before `fit`, passes of the graph optimizer left out, telemetry, one call for two."""
    run = repro.once("original-bug", "--environment", "keras-3")
    found, measured = plain_script(repro.directory(run), tmp_path / "home", epochs=5), run["measurements"]
    assert found["weights_sha256"] == measured["weights_sha256"]
    assert (found["loss"], found["accuracy"]) == (measured["evaluate"]["loss"], measured["evaluate"]["accuracy"])
    assert found["probabilities"] == measured["predict"]["probabilities"]


@pytest.mark.parametrize("application", ["MobileNet", pytest.param("DenseNet121", marks=pytest.mark.evidence)])
def test_a_plain_script_gives_the_same_bits_with_another_network(
    repro: RealRuns, tmp_path: Path, application: str
) -> None:
    """Passes are left out and batches kept for each of keras.applications: depthwise layers, Dropout, joins."""
    text = (
        SIX_EPOCHS.replace("ResNet50", application)
        .replace("[197, 197]", "[64, 64]")
        .replace("[predict]", "[evaluate, predict]")
    )
    (tmp_path / "images").symlink_to(ROOT / "scenarios" / "images")
    (tmp_path / "another.yaml").write_text(text)
    run = repro("run", str(tmp_path / "another.yaml"), "--environment", "keras-3", code=1)
    plain = plain_script(repro.directory(run), tmp_path / "home", epochs=6, batch_size=2, application=application)
    assert plain["weights_sha256"] == run["measurements"]["weights_sha256"]
    assert len(set(run["measurements"]["fit"]["loss"])) == 6, "it trained"


@pytest.mark.parametrize("environment", ["keras-3", TF_KERAS, "keras-2.0.9", *HISTORY])
def test_training_phase_and_checkpoint_leave_the_model_as_it_was(environment: str, tmp_path: Path) -> None:
    one = definition.get(environment)
    done = subprocess.run(
        [one.python, PROGRAMS / "training_phase.py", WORKER, one.definition.adapter, str(usable_cores())],
        env=worker_variables(one, tmp_path, usable_cores()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["weights_equal"] and found["moving_equal"] and found["momenta_equal"], found
    assert found["momenta"] == [0.75]
    assert found["evaluate_equal"] and found["predict_equal"], found
    assert 1e-6 < min(map(min, found["literal_predict"])) < max(map(max, found["literal_predict"])) < 1 - 1e-3
    assert found["same_answer_again"] and found["first_mean_error"] == 0.0
    assert found["layers"] == 53 and found["differs_from_moving"]
    assert found["state_restored"] and found["weights_restored"]
    assert found["state"] > 2 * 214 + 106  # weights, Adam's two moments of each trainable one, and its counters


VARIANTS: dict[str, tuple[dict[str, object], dict[str, object]]] = {
    "group norm": ({"replace_by": "group_norm"}, {"classes": ["GroupNormalization"], "moving": 0}),
    "none": ({"replace_by": "none"}, {"classes": ["Activation"], "moving": 0}),
    "frozen": ({"trainable": False}, {"classes": ["BatchNormalization"], "moving": 0, "frozen": 27}),
    "synchronized": ({"synchronized": True}, {"classes": ["BatchNormalization"], "moving": 27, "synchronized": 27}),
    "renorm": ({"renorm": True}, {"classes": ["BatchNormalization"], "moving": 27, "renorm": 27}),
}


@pytest.mark.parametrize(
    ("environment", "names"),
    [
        ("keras-3", list(VARIANTS)),
        pytest.param("tf-keras", ["group norm", "none", "frozen", "synchronized"], marks=pytest.mark.evidence),
        pytest.param("tf-2.6", ["none", "frozen"], marks=pytest.mark.evidence),
    ],
)
def test_a_variant_differs_in_batch_normalization_only(environment: str, names: list[str], tmp_path: Path) -> None:
    one = definition.get(environment)
    settings = [json.dumps(VARIANTS[name][0]) for name in names]
    done = subprocess.run(
        [one.python, PROGRAMS / "variants.py", WORKER, one.definition.adapter, str(usable_cores()), *settings],
        env=worker_variables(one, tmp_path, usable_cores()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["layers"] == 27
    for name, found in zip(names, answer["found"], strict=True):
        expected = {"renorm": 0, "synchronized": 0, "frozen": 0, **VARIANTS[name][1]}
        assert {key: found[key] for key in expected} == expected, name
        assert found["same_start"] and found["same_generators"] and found["finite"], (name, found)
        assert found["learning_rate"] == 0.25
        assert found["statistics"] == found["moving"]
