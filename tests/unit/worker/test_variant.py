"""Variants of a model's configuration: every BatchNormalization layer changed, nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from repro.worker import variant

NORM = {"name": "bn", "trainable": True, "dtype": "float32", "axis": [3], "momentum": 0.99, "epsilon": 1e-3}
CALL = {"args": ["conv"], "kwargs": {"mask": None}}
CONFIG: dict[str, Any] = {
    "name": "outer",
    "layers": [
        {"class_name": "Conv2D", "name": "conv", "config": {"name": "conv", "filters": 48}, "inbound_nodes": []},
        {"class_name": "BatchNormalization", "name": "bn", "config": NORM, "inbound_nodes": [CALL]},
        {
            "class_name": "Functional",
            "name": "inner",
            "config": {"layers": [{"class_name": "BatchNormalization", "config": {**NORM, "name": "deep"}}]},
        },
    ],
}


def changed(norm: dict[str, Any]) -> list[dict[str, Any]]:
    found = variant.changed(CONFIG, variant.settings(norm), {"bn": 48, "deep": 7})  # type: ignore[no-untyped-call]
    conv, outer, inner = found["layers"]
    assert conv == CONFIG["layers"][0]
    replaced = outer["class_name"] != "BatchNormalization"
    assert outer["inbound_nodes"] == [{"args": ["conv"], "kwargs": {}} if replaced else CALL]
    return [outer, inner["config"]["layers"][0]]


@pytest.mark.parametrize("norm", [{"renorm": True}, {"synchronized": True}, {"trainable": False}])
def test_settings_are_put_on_every_layer(norm: dict[str, Any]) -> None:
    for layer in changed({"momentum": 0.9, **norm}):
        assert layer["class_name"] == "BatchNormalization"
        assert layer["config"] == {**NORM, "name": layer["config"]["name"], **norm}


def test_group_norm_divides_the_channels_evenly() -> None:
    outer, inner = changed({"replace_by": "group_norm"})
    assert outer["class_name"] == inner["class_name"] == "GroupNormalization"
    assert outer["config"] == {
        "name": "bn",
        "trainable": True,
        "dtype": "float32",
        "axis": 3,
        "epsilon": 1e-3,
        "groups": 24,
    }
    assert inner["config"]["groups"] == 7


def test_nothing_in_its_place_keeps_the_names() -> None:
    for layer in changed({"replace_by": "none"}):
        assert layer["class_name"] == "Activation"
        assert layer["config"]["activation"] == "linear"


@pytest.mark.parametrize("norm", [None, {}, {"momentum": 0.01}, {"statistics": "debiased", "trainable": True}])
def test_nothing_is_rebuilt_without_need(norm: dict[str, Any] | None) -> None:
    assert variant.settings(norm) == {}  # type: ignore[no-untyped-call]
