"""What an environment cannot run is refused before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import Repro, nothing_in
from tests.support.scenario_files import Edit

CANNOT = {
    "renorm": ("renorm: true", "keras-2.0.9", "batch_norm.renorm is not possible in keras-2.0.9"),
    "renorm in tf-keras": ("renorm: true", "tf-keras", "batch_norm.renorm is not possible in tf-keras"),
    "frozen": ("trainable: false", "keras-2.3.1", "goes on normalising with the batch"),
    "synchronized": ("synchronized: true", "tf-2.6", "batch_norm.synchronized is not possible in tf-2.6"),
    "group norm": ("replace_by: group_norm", "tf-2.6", "tf-2.6, which has no GroupNormalization"),
    "debiased twice": ("statistics: debiased", "keras-2.2.4", "zero-debiases its moving statistics"),
}


@pytest.mark.parametrize("case", CANNOT)
def test_environments_that_cannot(repro: Repro, scenario: Edit, store: Path, case: str) -> None:
    setting, environment, words = CANNOT[case]
    repro("run", scenario("momentum: 0.99", setting), "--environment", environment).refused(3, words)
    assert nothing_in(store)


@pytest.mark.parametrize("setting", ["renorm: true", "trainable: false", "replace_by: none", "replace_by: group_norm"])
def test_no_trace_where_momentum_touches_training(repro: Repro, scenario: Edit, store: Path, setting: str) -> None:
    repro("run", scenario("momentum: 0.99", setting), "--trace").refused(
        2, "small cannot be traced", "leave --trace out"
    )
    assert nothing_in(store)


def test_no_trace_of_zero_debiased_averages(repro: Repro, scenario: Edit, store: Path) -> None:
    repro("run", scenario(), "--environment", "keras-2.2.4", "--trace").refused(3, "--trace is not possible")
    assert nothing_in(store)


NO_SUCH_NETWORK = {
    "a slip": ("ResNet50", "Resnet50", "keras-3 has no application called Resnet50: choose from ResNet50, "),
    "too small": ("[32, 32]", "[32, 31]", "smaller than ResNet50 takes in keras-3: images.size: at least [32, 32]"),
}


@pytest.mark.parametrize("command", ["check", "run"])
@pytest.mark.parametrize("fault", NO_SUCH_NETWORK)
def test_a_network_that_cannot_be_built(repro: Repro, scenario: Edit, store: Path, fault: str, command: str) -> None:
    old, new, words = NO_SUCH_NETWORK[fault]
    answer = repro(command, scenario(old, new))
    answer.refused(2, words if command == "run" else words.split(" ")[-1])
    assert nothing_in(store)


def test_a_network_that_only_some_environments_have(repro: Repro, scenario: Edit) -> None:
    file = scenario("ResNet50", "DenseNet121")
    assert repro("check", file).code == 0
    repro("run", file, "--environment", "keras-2.0.9").refused(2, "keras-2.0.9 has no application called DenseNet121")
