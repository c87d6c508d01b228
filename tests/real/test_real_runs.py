"""Real training, one run after another: what must be shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.real_runs import RealRuns, outcomes
from tests.support.scenario_files import SIX_EPOCHS

pytestmark = [pytest.mark.real, pytest.mark.timeout(3600)]
A3 = {"loss": 10.745396614074707, "accuracy": 0.3333333432674408}
A4_LOSS = 1.1920928955078125e-07
WORKERS_MAKE_SAME_BITS = ("keras-3", "tf-keras")


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras", "keras-2.0.9"])
def test_original_bug(repro: RealRuns, environment: str) -> None:
    run = repro.once("original-bug", "--environment", environment)
    assert (run["exit"], run["verdict"], run["degraded"]) == (0, "REPRODUCED", False)
    measured = run["measurements"]
    assert measured["fit"]["accuracy"][-1] == 1.0 and len(measured["fit"]["loss"]) == 5
    assert measured["predict"]["distinct_classes"] == 1
    assert measured["predict"]["accuracy"] == pytest.approx(1 / 3)
    assert measured["evaluate"]["accuracy"] == A3["accuracy"]
    assert measured["evaluate_training_phase"]["accuracy"] == 1.0
    assert measured["batch_norm"]["updates"] == 5
    assert measured["batch_norm"]["moving_to_batch_distance"] == pytest.approx(0.951, abs=0.02)
    if environment == "keras-2.0.9":
        assert measured["evaluate"] == A3
        assert outcomes(run)["A3-loss"] == "held"
    else:
        assert outcomes(run)["A3-loss"] == "skipped"


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras", "keras-2.0.9"])
def test_forced_learning_phase(repro: RealRuns, environment: str) -> None:
    asked = ("forced-learning-phase", "--environment", environment)
    run = repro.reproduced(*asked) if environment == "keras-2.0.9" else repro.once(*asked)
    measured = run["measurements"]
    assert measured["evaluate"]["accuracy"] == A3["accuracy"]
    assert measured["evaluate_training_phase"]["accuracy"] == 1.0
    assert measured["evaluate_training_phase"]["loss"] < measured["evaluate"]["loss"]
    if environment == "keras-2.0.9":
        assert measured["evaluate"] == A3
        assert measured["evaluate_training_phase"]["loss"] == pytest.approx(A4_LOSS, abs=1e-4)
        assert outcomes(run)["A4-loss"] == "held"
    assert (run["exit"], run["verdict"]) == (0, "REPRODUCED")


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras", "keras-2.0.9"])
def test_momentum(repro: RealRuns, environment: str) -> None:
    if environment == "keras-3":
        run = repro.shared()["momentum-0.01"] | {"exit": 0}
    else:
        run = repro.once("momentum-0.01", "--environment", environment)
    measured = run["measurements"]
    assert measured["batch_norm"]["updates"] == 20
    assert measured["batch_norm"]["initial_weight"] == pytest.approx(1e-40)
    assert measured["batch_norm"]["momentum"] == 0.01
    if environment == "keras-2.0.9":
        # facts.md: the fix depends on the seed; what must hold is that the verdict follows from the figures.
        right = measured["predict"]["accuracy"] == 1.0
        assert (run["verdict"], run["exit"]) == (("REPRODUCED", 0) if right else ("NOT_REPRODUCED", 1))
        return
    assert measured["predict"]["accuracy"] == 1.0 and measured["predict"]["distinct_classes"] == 3
    assert (run["exit"], run["verdict"]) == (0, "REPRODUCED")


@pytest.mark.parametrize("environment", WORKERS_MAKE_SAME_BITS)
def test_the_same_training_gives_the_same_weights(repro: RealRuns, environment: str) -> None:
    """original-bug and forced-learning-phase train alike: two runs of one training."""
    one = repro.once("original-bug", "--environment", environment)["measurements"]
    other = repro.once("forced-learning-phase", "--environment", environment)["measurements"]
    assert one["weights_sha256"] == other["weights_sha256"]
    assert one["fit"] == other["fit"]


def test_the_same_run_asked_again_is_answered_at_once(repro: RealRuns) -> None:
    one = repro.once("original-bug", "--environment", "keras-3")
    known = {path.name for path in repro.store.glob("2*")}
    again = repro("run", "original-bug", "--environment", "keras-3")
    assert {path.name for path in repro.store.glob("2*")} == known
    assert again["run"] in known and again["measurements"] == one["measurements"]


def test_derived_runs_have_the_bits_of_trained_ones(repro: RealRuns) -> None:
    """One training of 20 epochs at momentum 0.01 answers both scenarios of 5 epochs at 0.99."""
    for name in ("original-bug", "forced-learning-phase"):
        derived, trained = repro.shared()[name], repro.once(name, "--environment", "keras-3")
        assert derived["derived_from"] == repro.shared()["momentum-0.01"]["run"] and trained["derived_from"] is None
        assert derived["measurements"] == trained["measurements"]
        assert outcomes(derived) == outcomes(trained)


def test_remedies_derived_from_one_training_have_the_bits_of_trained_ones(repro: RealRuns) -> None:
    """Debiased and re-estimated statistics after five of twenty epochs that were trained at another momentum."""
    names = ("debias", "precise-bn")
    process = repro.start("run", *names, "momentum-0.01", "--environment", "keras-3", "--again", "--json")
    out, err = process.communicate()
    assert process.returncode == 0, err
    derived = {run["scenario"]: run for run in map(json.loads, out.splitlines())}
    for name in names:
        trained = repro.once(name, "--environment", "keras-3")
        assert derived[name]["derived_from"] == derived["momentum-0.01"]["run"] and trained["derived_from"] is None
        assert derived[name]["measurements"] == trained["measurements"]
        assert outcomes(derived[name]) == outcomes(trained)


@pytest.mark.parametrize(("application", "momentum"), [("MobileNet", 0.99), ("MobileNetV2", 0.999)])
def test_derived_runs_of_other_networks_have_the_bits_of_trained_ones(
    repro: RealRuns, tmp_path: Path, application: str, momentum: float
) -> None:
    """MobileNet draws in the training phase (Dropout), MobileNetV2 has a momentum of its own."""
    (tmp_path / "images").symlink_to(ROOT / "scenarios" / "images")
    text = (
        SIX_EPOCHS.replace("ResNet50", application)
        .replace("[197, 197]", "[64, 64]")
        .replace("batch_norm: {momentum: 0.99}\n", "")
        .replace("[predict]", "[evaluate, predict, evaluate_training_phase]")
    )
    files = []
    for epochs in (2, 4):
        files.append(tmp_path / f"{application.lower()}-{epochs}.yaml")
        files[-1].write_text(text.replace("epochs: 6", f"epochs: {epochs}").replace("six-epochs", files[-1].stem))
    asked = ["--environment", "keras-3", "--json"]
    out, err = repro.start("run", *map(str, files), *asked).communicate()
    derived = json.loads(out.splitlines()[1])
    assert derived["derived_from"] is not None, err
    trained = repro("run", str(files[0]), *asked[:-1], "--again", code=1)
    assert trained["derived_from"] is None
    assert derived["measurements"] == trained["measurements"]
    assert derived["measurements"]["batch_norm"]["momentum"] == momentum
