"""The JSON of runs, as `show`, `runs` and `list` print it."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from repro.runs import events
from repro.runs.records import Result
from tests.support.command_line import Repro
from tests.support.runs.planned import (
    epoch,
    finish,
    make,
    measured,
    started,
    whole,
)

RUN_KEYS = [
    "format",
    "run",
    "scenario",
    "environment",
    "seed",
    "state",
    "verdict",
    "degraded",
    "derived_from",
    "claims",
    "measurements",
    "seconds",
]


def test_shape_of_a_finished_run(repro: Repro, folder: Path, store: Path) -> None:
    run = make(folder, store, *whole())
    finish(run)
    shown = repro("show", run.id, "--json").json
    assert list(shown) == RUN_KEYS
    assert (shown["format"], shown["run"], shown["scenario"]) == (1, run.id, "small")
    assert (shown["state"], shown["verdict"], shown["degraded"]) == ("finished", "REPRODUCED", False)
    assert shown["claims"] == [
        {
            "id": "C1",
            "says": "fit ends at accuracy 1",
            "value": "fit.accuracy",
            "outcome": "held",
            "measured": 1.0,
            "expected": "= 1.0",
        }
    ]
    measurements = shown["measurements"]
    assert measurements.keys() == {
        "fit",
        "evaluate",
        "evaluate_training_phase",
        "predict",
        "batch_norm",
        "weights_sha256",
    }
    assert measurements["fit"].keys() == {"loss", "accuracy"}
    assert measurements["evaluate"].keys() == measurements["evaluate_training_phase"].keys() == {"loss", "accuracy"}
    assert measurements["predict"].keys() == {"probabilities", "classes", "accuracy", "distinct_classes"}
    assert isinstance(shown["seconds"]["total"], float)
    listed = repro("runs", "--json").json
    assert list(listed) == ["format", "runs"]
    assert list(listed["runs"][0]) == [key for key in RUN_KEYS if key != "measurements"]


@pytest.mark.parametrize("happened", [[], [started(), epoch(1), *measured(1)], [started()]])
def test_shape_of_an_unfinished_run(repro: Repro, folder: Path, store: Path, happened: list[events.AnyEvent]) -> None:
    make(folder, store, *happened)
    shown = repro("show", "last", "--json").json
    assert set(RUN_KEYS) <= set(shown)
    assert (shown["state"], shown["verdict"]) == ("interrupted", None)
    assert [claim["outcome"] for claim in shown["claims"]] == ["unknown"]
    assert set(RUN_KEYS) - {"measurements"} <= set(repro("runs", "--json").json["runs"][0])


def test_shape_of_list(repro: Repro, folder: Path, store: Path) -> None:
    finish(make(folder, store, *whole()))
    result = msgspec.json.decode(next(store.glob("2*/result.json")).read_bytes(), type=Result)
    file = next(store.glob("2*/result.json"))
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(result, scenario="original-bug")))
    listed = repro("list", "--json").json
    assert list(listed) == ["format", "scenarios"]
    assert all(list(row) == ["name", "title", "group", "verdicts"] for row in listed["scenarios"])
    rows = {row["name"]: row for row in listed["scenarios"]}
    assert {"original-bug", "momentum-0.01", "epochs-1000", "forced-learning-phase"} <= rows.keys()
    assert rows["original-bug"]["verdicts"] == {"keras-3": "REPRODUCED"}
    assert rows["epochs-1000"]["verdicts"] == {}


def test_schema_is_json(repro: Repro) -> None:
    schema = repro("schema").json
    assert schema["$schema"].endswith("2020-12/schema") and schema["title"] == "repro scenario"


def test_shape_of_a_damaged_run(repro: Repro, folder: Path, store: Path) -> None:
    make(folder, store).file("run.json").unlink()
    assert set(RUN_KEYS) <= set(repro("show", "last", "--json").json)
