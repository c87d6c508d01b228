"""A rate with its interval."""

from __future__ import annotations

import math
from statistics import NormalDist

CONFIDENCE = 0.95


def wilson(held: int, counted: int, confidence: float = CONFIDENCE) -> tuple[float, float] | None:
    """Wilson's score interval of the rate held/counted, without continuity correction; None where nothing counted.

    Wilson, E. B. (1927), Journal of the American Statistical Association 22:209-212; it stays inside 0 to 1 and is
    not empty at 0 of n or n of n, where the textbook interval is (Newcombe, R. G. (1998), Statistics in Medicine
    17:857-872, method 3).
    """
    if not counted:
        return None
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    rate, scale = held / counted, 1 + z * z / counted
    middle = (rate + z * z / (2 * counted)) / scale
    half = z / scale * math.sqrt(rate * (1 - rate) / counted + z * z / (4 * counted * counted))
    return (0.0 if held == 0 else middle - half, 1.0 if held == counted else middle + half)
