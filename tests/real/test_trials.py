"""What a run measures beyond its scenario, so that causes can be told apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from repro.runs import events
from repro.runs.directory import RunDirectory
from tests.support.odd_runs import OddRuns, events_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

ENVIRONMENTS = ["keras-3", "tf-keras", "keras-2.0.9"]
ENVIRONMENTS += [pytest.param(name, marks=pytest.mark.evidence) for name in ("keras-2.2.4", "keras-2.3.1", "tf-2.6")]


# Of images that stand out, and of other images where inference, or validation, is worse.
SOMETIMES = {
    *("re-estimated-without-image", "divided-by-255", "from-minus-one-to-one"),
    *("reversed-channels", "inverted", "like-training"),
}
ALWAYS = {*get_args(get_type_hints(events.TrialMeasured)["trial"])} - SOMETIMES


@pytest.fixture
def train(tmp_path: Path) -> OddRuns:
    return OddRuns(tmp_path)


def trials(run: RunDirectory) -> dict[str, events.TrialMeasured]:
    return {event.trial: event for event in events_of(run) if isinstance(event, events.TrialMeasured)}


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_trial_of_a_model_with_dropout(train: OddRuns, environment: str) -> None:
    printed, run = train("dropout_before_norm", environment, batch_size=4)
    measured, progress = trials(run), run.progress()
    expected = ALWAYS - ({"debiased"} if environment == "keras-2.2.4" else set())
    assert set(measured) - SOMETIMES == expected, progress.warnings
    assert measured["re-estimated-without-random-layers"].layers and not measured["re-estimated"].layers
    inference = progress.evaluations["inference", 4]
    for name in ("single-images", "shuffled-images"):
        assert measured[name].loss == pytest.approx(measured[name].reference_loss, rel=1e-4)
        assert measured[name].accuracy == pytest.approx(measured[name].reference_accuracy, abs=1e-6)
    assert measured["shuffled-images"].images == 60 and measured["single-images"].images == 32
    assert measured["shuffled-images"].reference_loss == pytest.approx(inference.loss, rel=1e-4)
    assert (measured["single-images"].batch_size, measured["larger-batches"].batch_size) == (1, 32)
    assert measured["re-estimated-without-random-layers"].loss != measured["re-estimated"].loss
    assert sum(trial.seconds for trial in measured.values()) < 10.0
    assert printed["measurements"]["weights_sha256"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_without_dropout_the_statistics_of_one_batch_give_both_phases(train: OddRuns, environment: str) -> None:
    """Inference with re-estimated statistics is the training phase then, but for N / (N - 1) in the variance."""
    _, run = train("dropout_before_norm", environment, batch_size=60)
    measured = {name: float(trial.loss) for name, trial in trials(run).items()}
    quiet = measured["training-without-random-layers"]
    assert measured["re-estimated-without-random-layers"] == pytest.approx(quiet, rel=5e-3)
    assert abs(measured["re-estimated"] - quiet) > 1e-2
    assert abs(float(run.progress().evaluations["training", 4].loss) - quiet) > 1e-2


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "keras-3"])
def test_single_images_show_that_inference_depends_on_the_batch(train: OddRuns, environment: str) -> None:
    _, run = train("always_training", environment)
    alone = trials(run)["single-images"]
    assert abs(float(alone.loss) - float(alone.reference_loss)) > 0.05


def test_the_first_value_that_is_not_finite_is_named(train: OddRuns) -> None:
    _, run = train("exploding", "keras-3", "--trace")
    (bad,) = [event for event in events_of(run) if isinstance(event, events.NonFiniteFound)]
    assert (bad.epoch, bad.layer, bad.quantity) == (1, "exploding", "moving_variance")
    assert "after epoch 1 moving variance of exploding is not finite" in run.progress().warnings


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras", "keras-2.0.9"])
def test_the_first_output_that_is_not_finite_is_named(train: OddRuns, environment: str) -> None:
    _, run = train("dividing_by_zero", environment)
    (bad,) = [event for event in events_of(run) if isinstance(event, events.NonFiniteFound)]
    assert (bad.epoch, bad.layer, bad.quantity) == (1, "reciprocal", "output")


def test_weights_that_are_not_finite_are_named(train: OddRuns) -> None:
    text = "compile: {optimizer: sgd, loss: categorical_crossentropy, metrics: [acc], learning_rate: 1.0e+5}\n"
    _, run = train("without_norm", "keras-3", compile=text)
    (bad,) = [event for event in events_of(run) if isinstance(event, events.NonFiniteFound)]
    assert bad.quantity == "weight" and bad.layer.startswith("dense")


def test_predictions_of_validation_images_are_kept(train: OddRuns) -> None:
    _, run = train("plain", "keras-3", split=0.2)
    validated = run.progress().validations[4]
    assert validated.probabilities is not None and len(validated.probabilities) == 12
    right = sum(
        row.index(max(row)) == label for row, label in zip(validated.probabilities, validation_labels(run), strict=True)
    )
    assert right / 12 == pytest.approx(validated.accuracy, abs=1e-6)


def validation_labels(run: RunDirectory) -> list[int]:
    return [image.label for image in run.record().validation_images]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_how_far_the_calls_of_a_shared_layer_lie_apart_is_measured(train: OddRuns, environment: str) -> None:
    _, run = train("called_twice", environment)
    shared, plain = run.progress().drift[4].layers
    assert (shared.calls, plain.calls, plain.calls_apart) == (2, 1, None)
    assert shared.calls_apart is not None and float(shared.calls_apart) > 0.5
    assert shared.trainable is True


def test_without_initial_values_a_trial_gives_what_a_traced_run_answers(train: OddRuns) -> None:
    text = "batch_norm: {momentum: 0.99}\n"
    _, run = train("plain", "keras-3", "--trace", more=text)
    said = json.loads(train.repro("what-if", run.id, "--momentum", "0.99", "--debiased").out)
    answer = next(one for one in said["answers"] if one["statistics"] == "debiased")
    assert float(trials(run)["debiased"].loss) == pytest.approx(answer["evaluate"]["loss"], rel=1e-4)
