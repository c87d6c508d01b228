"""Layers that are wrapped, shared, frozen or never updated: found, measured, and no run fails for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.odd_runs import STEPS, OddRuns

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture
def train(tmp_path: Path) -> OddRuns:
    return OddRuns(tmp_path)


def evidence(name: str, *more: Any) -> Any:
    """Arguments that name an environment which `make test-real` does not install."""
    return pytest.param(name, *more, marks=pytest.mark.evidence)


ENVIRONMENTS = ["keras-3", "tf-keras", "keras-2.0.9", *map(evidence, ("keras-2.2.4", "keras-2.3.1", "tf-2.6"))]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_updates_of_a_shared_layer_are_counted(train: OddRuns, environment: str) -> None:
    measured = train("called_twice", environment)[1].progress().drift[4]
    layers = {layer.name: layer for layer in measured.layers}
    assert (layers["shared"].calls, layers["shared"].updates) == (2, 2 * STEPS)
    assert sorted(layer.updates or 0 for layer in measured.layers) == [STEPS, 2 * STEPS]
    assert (measured.updates, measured.updates_observed) == (STEPS, 2 * STEPS)
    assert all(layer.momentum == 0.99 and not layer.untouched for layer in measured.layers)
    # The batch statistics are the mean over pictures and negatives, which cancel out but for the convolution's bias.
    assert abs(float(layers["shared"].batch_mean)) < 0.1


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras"])
def test_statistics_that_train_step_puts_back_are_untouched(train: OddRuns, environment: str) -> None:
    measured = train("put_back_by_train_step", environment)[1].progress().drift[4]
    (layer,) = measured.layers
    assert (layer.untouched, layer.updates, layer.calls, measured.updates_observed) == (True, 0, 1, 0)
    assert (layer.mean, layer.variance) == (1.0, 1.0)


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "keras-3"])
def test_layers_called_with_training_false(train: OddRuns, environment: str) -> None:
    run = train("all_in_inference_mode", environment)[1].progress()
    assert [(layer.untouched, layer.updates) for layer in run.drift[4].layers] == [(True, 0)] * 2
    assert run.evaluations["training", 4].loss == pytest.approx(run.evaluations["inference", 4].loss, rel=1e-5)
    assert all(layer.batch_variance != layer.moving_variance for layer in run.drift[4].layers)


@pytest.mark.parametrize(
    ("environment", "updates"), [("keras-2.0.9", STEPS), evidence("keras-2.2.4", 0), evidence("keras-2.3.1", 0)]
)
def test_frozen_layers_of_keras_2_are_measured(train: OddRuns, environment: str, updates: int) -> None:
    """They use the batch in training phase; from Keras 2.1.3 on their averages never move."""
    run = train("frozen", environment)[1].progress()
    assert [layer.updates for layer in run.drift[4].layers] == [updates] * 2
    assert [layer.untouched for layer in run.drift[4].layers] == [updates == 0] * 2
    assert run.evaluations["training", 4].loss != run.evaluations["inference", 4].loss


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras"])
def test_frozen_layers_are_said_to_be_frozen(train: OddRuns, environment: str) -> None:
    run = train("frozen", environment)[1].progress()
    assert run.drift == {} and any("are frozen" in line for line in run.warnings)
    assert run.evaluations["training", 4].loss == pytest.approx(run.evaluations["inference", 4].loss, rel=1e-5)


@pytest.mark.parametrize("environment", [name for name in ENVIRONMENTS if name != "keras-3"])
def test_a_wrapped_layer_is_found(train: OddRuns, environment: str) -> None:
    (layer,) = train("distributed_over_time", environment)[1].progress().drift[4].layers
    assert (layer.updates, layer.untouched) == (STEPS, False)
    if environment != "keras-2.2.4":  # which divides the averages so that nothing of the initial values is left
        assert float(layer.mean or 0.0) == pytest.approx(0.99**STEPS, abs=0.15)


@pytest.mark.parametrize("environment", ["keras-2.0.9", evidence("keras-2.3.1")])
def test_a_model_that_cannot_be_rebuilt_gets_its_momentum(train: OddRuns, environment: str) -> None:
    run = train("with_a_closure", environment, more="batch_norm: {momentum: 0.5}\n")[1].progress()
    (layer,) = run.drift[4].layers
    assert (layer.momentum, layer.updates) == (0.5, 2 * STEPS)
    assert float(layer.variance or 1.0) < 0.3


def test_what_cannot_be_measured_is_missing(train: OddRuns) -> None:
    printed, run = train("fails_outside_of_a_graph", "keras-3")
    assert "evaluate_training_phase" not in printed["measurements"] and "batch_norm" not in printed["measurements"]
    assert printed["measurements"]["evaluate"]["accuracy"] >= 0.0
    expected = ["not measured: the training phase after epoch 2 (RuntimeError: ", "after epoch 4"]
    warnings = [line for line in run.progress().warnings if line.startswith("not measured: the training phase")]
    assert [part in line for part, line in zip(expected, warnings, strict=True)] == [True, True]
