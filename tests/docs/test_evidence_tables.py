"""The tables of the documents, made from rows of evidence, and the rows taken from a store."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from repro.base.files import sha256
from repro.runs.store import Store
from repro.scenario.images import list_files
from scripts import evidence
from tests.support.runs.copied import make_run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty docs/evidence."""
    monkeypatch.setattr(evidence, "EVIDENCE", tmp_path / "evidence")
    return tmp_path / "evidence"


def rate_row(seed: int, outcome: str, *, threads: int = 2, environment: str = "keras-3") -> dict[str, Any]:
    claims = [{"id": "A5", "outcome": outcome}, {"id": "A5-weight", "outcome": "held"}]
    return {
        "scenario": "momentum-0.01",
        "environment": environment,
        "seed": seed,
        "threads": threads,
        "verdict": "REPRODUCED" if outcome == "held" else "NOT_REPRODUCED",
        "claims": claims,
        "measurements": {"predict": {"classes": [0, 1, 2]}},
    }


def test_rates_count_each_environment_and_number_of_threads_apart(folder: Path) -> None:
    rows = [
        rate_row(1, "failed"),
        rate_row(0, "held"),
        rate_row(2, "held"),
        rate_row(3, "unknown"),
        rate_row(0, "held", threads=1),
        rate_row(0, "failed", environment="keras-2.0.9"),
    ]
    evidence.write_evidence("rates", dict(enumerate(rows)))
    tables = evidence.rate_tables()
    assert tables["rates-momentum-0.01"].splitlines()[2:] == [
        "| keras-2.0.9 | 2 | A5 | 0 of 1 | 0 % | 0 % to 79 % |",
        "| keras-2.0.9 | 2 | A5-weight | 1 of 1 | 100 % | 21 % to 100 % |",
        "| keras-3 | 2 | A5 | 2 of 4 | 50 % | 15 % to 85 % |",
        "| keras-3 | 2 | A5-weight | 4 of 4 | 100 % | 51 % to 100 % |",
        "| keras-3 | 1 | A5 | 1 of 1 | 100 % | 21 % to 100 % |",
        "| keras-3 | 1 | A5-weight | 1 of 1 | 100 % | 21 % to 100 % |",
    ]
    seeds = [line.split(" | ")[2] for line in tables["seeds-momentum-0.01"].splitlines()[2:]]
    assert seeds == ["0", "0", "1", "2", "3", "0"]


def on_shipped_images(record: Any) -> None:
    for image, file in zip(record["images"], list_files(evidence.ROOT / "scenarios/images"), strict=True):
        image["sha256"] = sha256(file)


def as_shipped(_: str) -> str:
    return (evidence.ROOT / "scenarios/original-bug.yaml").read_text()


def test_collecting_takes_what_the_scenario_says_and_keeps_rows_that_the_store_lacks(
    tmp_path: Path, folder: Path
) -> None:
    def deterministic(record: Any) -> None:
        on_shipped_images(record)
        record["deterministic"] = True

    kept = rate_row(7, "held")
    evidence.write_evidence("rates", {0: kept})
    store = tmp_path / "store"
    taken = make_run(store, tail="aaaa", run=on_shipped_images, scenario=as_shipped)
    make_run(store, tail="bbbb", run=deterministic, scenario=as_shipped)
    make_run(store, tail="cccc", run=on_shipped_images)  # measured at other epochs
    make_run(store, tail="dddd", scenario=as_shipped)  # trained on other images
    evidence.collect(Store(store), [0])
    assert [one["run"] for one in evidence.evidence("history")] == [taken.run.id]
    assert evidence.evidence("rates") == [kept]
    shutil.rmtree(store)
    evidence.collect(Store(store), [0])
    assert [one["run"] for one in evidence.evidence("history")] == [taken.run.id]
