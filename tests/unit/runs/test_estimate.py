"""Expected times: from runs of the same work only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from repro.environment import definition
from repro.runs.directory import RunDirectory
from repro.runs.estimate import Estimate, Timing, Work, expected_time, read_timing
from repro.runs.summary import summarise
from repro.runs.view import RunView
from repro.scenario.load import find, load
from repro.scenario.types import Scenario
from tests.support.runs.planned import finished, make, started, whole


def shipped(name: str) -> Scenario:
    return load(find(name), environments=definition.names()).scenario


def timing(scenario: Scenario, environment: str = "keras-3", device: str = "auto", **other: Any) -> Timing:
    """A run of 5 epochs of 2 s and 10 s besides."""
    values: dict[str, Any] = {"started": 1.0, "epochs": 5, "total": 20.0, "epoch": 2.0, **other}
    return Timing(Work.of(scenario, environment, device), scenario.sha256(), **values)


BUG = shipped("original-bug")
LONG = shipped("epochs-1000")


def part(scenario: Scenario, name: str, **changes: Any) -> Scenario:
    """The scenario with changes in one of its parts."""
    return msgspec.structs.replace(scenario, **{name: msgspec.structs.replace(getattr(scenario, name), **changes)})


def test_the_last_run_of_the_same_scenario_counts() -> None:
    timings = [timing(BUG, total=30.0), timing(BUG, total=40.0, started=2.0), timing(LONG, total=500.0, started=3.0)]
    assert expected_time(timings, BUG, "keras-3", "auto") == Estimate(40.0, is_measured=True)


def test_a_longer_training_of_the_same_network_takes_longer_by_its_epochs() -> None:
    assert expected_time([timing(BUG)], LONG, "keras-3", "auto") == Estimate(10.0 + 1000 * 2.0, is_measured=False)
    assert expected_time([timing(BUG, total=9.0)], LONG, "keras-3", "auto") == Estimate(2002.0, is_measured=False)
    assert expected_time([timing(BUG, epoch=None)], LONG, "keras-3", "auto") is None


def test_an_edited_scenario_is_not_the_same_one() -> None:
    edited = part(BUG, "fit", epochs=50)
    assert expected_time([timing(BUG)], edited, "keras-3", "auto") == Estimate(110.0, is_measured=False)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("model", {"application": "MobileNet"}),
        ("model", {"classes": 10}),
        ("images", {"size": (64, 64)}),
        ("images", {"channels": 3}),
        ("fit", {"batch_size": 1}),
    ],
    ids=str,
)
def test_other_work_tells_nothing(name: str, changes: dict[str, Any]) -> None:
    """A tiny model's seconds once stood beside a training of a thousand epochs of ResNet50."""
    assert expected_time([timing(part(BUG, name, **changes))], LONG, "keras-3", "auto") is None


def test_another_place_tells_nothing() -> None:
    assert expected_time([timing(BUG, environment="tf-keras")], BUG, "keras-3", "auto") is None
    assert expected_time([timing(BUG, device="gpu")], BUG, "keras-3", "auto") is None
    assert expected_time([timing(BUG, "keras-3-gpu", "cpu")], BUG, "keras-3-gpu", "auto") is None
    assert expected_time([], BUG, "keras-3", "auto") is None


def test_auto_is_the_cpu_where_nothing_else_can_be() -> None:
    assert expected_time([timing(BUG, device="cpu")], BUG, "keras-3", "auto") == Estimate(20.0, is_measured=True)


def test_an_own_model_tells_of_its_own_scenario_only() -> None:
    own = part(BUG, "model", application=None, python="model.py")
    assert expected_time([timing(own)], own, "keras-3", "auto") == Estimate(20.0, is_measured=True)
    assert expected_time([timing(own)], part(own, "fit", epochs=50), "keras-3", "auto") is None


def test_folders_of_images_are_compared_by_their_name() -> None:
    folders = part(BUG, "images", layout="folder-per-class", directory="a")
    assert expected_time([timing(folders)], part(folders, "fit", epochs=6), "keras-3", "auto") is not None
    assert expected_time([timing(folders)], part(folders, "images", directory="b"), "keras-3", "auto") is None


# -- from runs --------------------------------------------------------------------------------------------------------


def read(run: RunDirectory) -> Timing | None:
    return read_timing(run, summarise(RunView(run)))


def test_a_finished_run_is_timed(folder: Path, store: Path) -> None:
    run = finished(folder, store)
    scenario = run.require_scenario()
    found = read(run)
    assert found is not None and found.work == Work.of(scenario, "keras-3", "cpu")
    assert (found.scenario_sha256, found.epochs, found.epoch) == (scenario.sha256(), 3, 1.0)
    assert found.total == summarise(RunView(run)).seconds
    assert expected_time([found], scenario, "keras-3", "auto") == Estimate(found.total, is_measured=True)


def test_what_was_not_trained_to_its_end_is_not_timed(folder: Path, store: Path) -> None:
    assert read(make(folder, store, started())) is None
    derived = finished(folder, store)
    record = msgspec.json.decode(derived.file("run.json").read_bytes())
    derived.file("run.json").write_bytes(msgspec.json.encode({**record, "derived_from": "another"}))
    assert read(derived) is None
    assert read(make(folder, store, *whole())) is None
