"""The figures of the benchmark of causes, and that its truth fits its programs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.causes.table import page, precision, recall, unharmed
from benchmarks.causes.truth import HALVES, HERE, read_half


def entry(cause: str, answer: str, also: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    base = {"program": "p.py", "environment": "keras-3", "seed": 0, "cause": cause, "also": list(also)}
    return base | {"answer": answer, "healthy": cause == "no-discrepancy", "recordings": [{"seconds": 0.5}]} | more


ENTRIES = [
    entry("stale", "stale"),
    entry("stale", "outliers"),
    entry("outliers", "cannot-be-told"),
    entry("frozen", "no-discrepancy"),
    entry("not-converged", "preprocessing", also=("preprocessing",)),
    entry("no-discrepancy", "no-discrepancy"),
    entry("no-discrepancy", "overfitting"),
    entry("stochastic-layers", "no-discrepancy", healthy=True),
    entry("cannot-be-told", "overfitting"),
    entry("non-finite", "nothing-recorded"),
]


def test_precision_counts_causes_that_are_named() -> None:
    # Named: stale, outliers, no-discrepancy of a fault, overfitting twice; what is true beside the first is left out.
    assert precision(ENTRIES) == (1, 5)


def test_recall_counts_programs_that_have_a_cause() -> None:
    assert recall(ENTRIES) == (1, 7)


def test_a_healthy_program_is_unharmed_where_no_fault_is_named() -> None:
    assert unharmed(ENTRIES) == (2, 3)


def test_the_page_has_the_matrix_and_the_intervals(tmp_path: Path) -> None:
    file = tmp_path / "first.json"
    file.write_text(json.dumps({"format": 1, "half": "held_out", "commit": None, "programs": ENTRIES}))
    text = page([file])
    assert "| precision | 1 of 5: 0.200 (0.036 to 0.624) |" in text
    assert "| truth \\ answer | stale |" in text


@pytest.mark.parametrize("half", HALVES)
def test_each_program_has_its_truth(half: str) -> None:
    if not (HERE / half).is_dir():
        pytest.skip(f"{half} is not there yet")
    programs = {file.name for file in (HERE / half).glob("*.py")}
    assert programs == {truth.program for truth in read_half(half)}
