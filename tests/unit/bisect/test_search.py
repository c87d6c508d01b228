"""Halving over a row of releases."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repro.bisect.search import Outcome, changes, confidence, interval, most_tries, next_place


def halve(row: list[Outcome]) -> tuple[tuple[int, int], int]:
    """Search a row whose outcomes are known; return the interval and how many places were tried besides the ends."""
    outcomes: dict[int, Outcome] = {0: "held", len(row) - 1: "failed"}
    tries = 0
    while (place := next_place(outcomes, len(row))) is not None:
        outcomes[place] = row[place]
        tries += 1
    return interval(outcomes, len(row)), tries


@given(st.integers(2, 200), st.data())
def test_one_change_is_found_with_the_fewest_tries(count: int, data: st.DataObject) -> None:
    first_bad = data.draw(st.integers(1, count - 1))
    row: list[Outcome] = ["held"] * first_bad + ["failed"] * (count - first_bad)
    found, tries = halve(row)
    assert found == (first_bad - 1, first_bad)
    assert tries <= most_tries(0, count - 1) == math.ceil(math.log2(count - 1))


def test_sixteen_releases_take_six_trainings_with_their_ends() -> None:
    for first_bad in range(1, 16):
        row: list[Outcome] = ["held"] * first_bad + ["failed"] * (16 - first_bad)
        assert halve(row)[1] + 2 <= 6


@given(st.lists(st.sampled_from(["held", "failed", "skipped"]), max_size=40))
def test_any_row_ends_with_a_held_one_before_a_failed_one(middle: list[Outcome]) -> None:
    row: list[Outcome] = ["held", *middle, "failed"]
    (low, high), _ = halve(row)
    assert row[low] == "held" and row[high] == "failed"
    assert all(row[place] == "skipped" for place in range(low + 1, high))


def test_a_skipped_middle_is_passed_by() -> None:
    row: list[Outcome] = ["held", "held", "skipped", "failed", "failed"]
    (low, high), _ = halve(row)
    assert (low, high) == (1, 3)


def test_each_change_of_a_scan_is_named_without_the_skipped() -> None:
    assert changes(["held", "skipped", "failed", "failed", "held"]) == [(0, 2), (3, 4)]


@pytest.mark.parametrize(
    ("counts", "sure"),
    [((1, 1, 0, 1), 0.5), ((3, 3, 0, 3), 0.95), ((5, 5, 0, 5), 1 - 1 / 252), ((2, 3, 2, 3), 0.2), ((0, 0, 0, 3), None)],
)
def test_confidence_is_that_of_fishers_exact_test(counts: tuple[int, int, int, int], sure: float | None) -> None:
    assert confidence(*counts) == (None if sure is None else pytest.approx(sure))
