"""A run as a row: the same for the screen, for text and for JSON."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.run_json import run_json
from repro.runs.summary import RunSummary, summarise
from repro.runs.view import RunView
from tests.support.paths import ROOT
from tests.support.runs.planned import epoch, finished, make, started


def test_an_id_tells_when_what_and_where() -> None:
    run_id = "20261124T180007.000007Z-momentum-0.01-keras-3-gpu-s12-haaa"
    row = RunSummary.from_id(run_id, ["keras-3", "keras-3-gpu"])
    assert (row.scenario, row.environment, row.seed, row.short) == ("momentum-0.01", "keras-3-gpu", 12, "haaa")
    assert row.started == pytest.approx(1795543207.000007) and row.state == "reading"
    assert RunSummary.from_id(run_id).scenario == "momentum-0.01-keras-3-gpu"
    for text in ("nonsense", run_id.replace("20261124", "20261324")):
        assert RunSummary.from_id(text, ["keras-3"]) == RunSummary(text, 0.0, text, "", 0, "")


def test_the_row_of_a_finished_run(folder: Path, store: Path) -> None:
    run = finished(folder, store)
    row, plain = summarise(RunView(run)), run_json(run)
    assert (row.state, row.verdict, row.outcome) == ("finished", "REPRODUCED", "REPRODUCED")
    assert (row.epoch, row.epochs, row.fit_accuracy) == (3, 3, 1.0)
    assert row.predict_accuracy == pytest.approx(1 / 3)
    assert [(claim.id, claim.outcome) for claim in row.claims] == [("C1", "held")]
    assert row.seconds == plain["seconds"]["total"] and dict(row.stage_seconds) == plain["seconds"]
    for name in ("scenario", "environment", "seed", "state", "verdict", "degraded", "derived_from"):
        assert getattr(row, name) == plain[name]


def test_the_row_of_an_unfinished_run(folder: Path, store: Path) -> None:
    run = make(folder, store, started(), epoch(1), epoch(2), events.RunEnded(state="stopped", reason="on request"))
    row, plain = summarise(RunView(run)), run_json(run)
    assert (row.state, row.reason, row.epoch, row.epochs) == ("stopped", "on request", 2, 3)
    assert (plain["state"], plain["reason"], plain["epoch"], plain["epochs"]) == ("stopped", "on request", 2, 3)
    assert row.seconds is None and row.claims == () and row.step_seconds == 1.0
    assert [claim["outcome"] for claim in plain["claims"]] == ["unknown"]


def test_a_run_whose_folder_was_renamed_is_damaged_everywhere(folder: Path, store: Path) -> None:
    run = finished(folder, store)
    moved = RunDirectory(run.path.rename(run.path.with_name(run.id[:-4] + "0000")))
    row, plain = summarise(RunView(moved), ["keras-3"]), run_json(moved)
    assert row.state == plain["state"] == moved.state() == "damaged"
    assert row.reason == plain["reason"] and "give the folder its name back" in plain["reason"]
    assert (row.scenario, row.environment) == ("small", "keras-3"), "as the id tells them"


def test_rows_share_the_text_of_equal_claims(folder: Path, store: Path) -> None:
    first, second = (summarise(RunView(finished(folder, store))).claims[0] for _ in range(2))
    assert first == second and first.says is second.says and first.expected is second.expected


def test_rows_need_no_types_of_the_engine() -> None:
    """The first screen is painted from the ids, before msgspec and the events are imported."""
    program = "import sys, repro.runs.summary; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not {"msgspec", "yaml", "numpy", "repro.runs.records", "repro.runs.events"} & set(done.stdout.split())
