"""Halving over a row of releases, one end of which is good and the other bad; some may have to be skipped."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Literal

Outcome = Literal["held", "failed", "skipped"]


def interval(outcomes: Mapping[int, Outcome], count: int) -> tuple[int, int]:
    """Return the places of the last good and the first bad one among `count`, as far as the outcomes tell.

    Place 0 is good and the last one is bad. Of several changes it is the one that halving would come to.
    """
    low, high = 0, count - 1
    while (place := _decided_between(outcomes, low, high)) is not None:
        if outcomes[place] == "held":
            low = place
        else:
            high = place
    return low, high


def _decided_between(outcomes: Mapping[int, Outcome], low: int, high: int) -> int | None:
    """Return the place nearest to the middle that has held or failed; None if there is none."""
    inside = [place for place in range(low + 1, high) if outcomes.get(place) in ("held", "failed")]
    return min(inside, key=lambda place: (abs(2 * place - low - high), place), default=None)


def next_place(outcomes: Mapping[int, Outcome], count: int) -> int | None:
    """Return the place to try next, the one nearest to the middle of what is left; None if nothing is left."""
    low, high = interval(outcomes, count)
    left = [place for place in range(low + 1, high) if place not in outcomes]
    return min(left, key=lambda place: (abs(2 * place - low - high), place), default=None)


def most_tries(low: int, high: int) -> int:
    """Return how many tries at most are left between two places where none is skipped."""
    return math.ceil(math.log2(high - low)) if high > low else 0


def changes(outcomes: Sequence[Outcome]) -> list[tuple[int, int]]:
    """Return each pair of places between which the outcome changes, skipped ones left out."""
    decided = [place for place, outcome in enumerate(outcomes) if outcome != "skipped"]
    return [(first, second) for first, second in itertools.pairwise(decided) if outcomes[first] != outcomes[second]]


def confidence(held_good: int, good: int, held_bad: int, bad: int) -> float | None:
    """Return 1 - p of Fisher's exact test (one-sided) that the claim holds more often on the good side.

    Fisher, R. A. (1922), Journal of the Royal Statistical Society 85:87-94. One run on each side gives 0.5: a single
    pair of runs says nothing about chance. None where one side has no runs.
    """
    if not good or not bad:
        return None
    held, runs = held_good + held_bad, good + bad
    ways = math.comb(runs, held)
    at_least = range(held_good, min(good, held) + 1)
    return 1.0 - sum(math.comb(good, k) * math.comb(bad, held - k) for k in at_least if held - k <= bad) / ways
