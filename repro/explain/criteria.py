"""Where a diagnosis draws its lines, and why there."""

from __future__ import annotations

import math

from repro.runs.verdict import ROUND_OFF

# A model that gets nine of ten training images right has learned them.
LEARNED = 0.9
# Two accuracies differ when a tenth of the images lies between them: less is the noise of one optimizer step.
GAP = 0.1
# Below 1 % the initial values are lost in the difference of one batch from another.
CONVERGED = 0.01
# With 8 images a batch's mean is off by 1 / sqrt(8) = 35 % of the spread between images, with 32 by 18 %.
SMALL_BATCH = 8
LARGE_BATCH = 32
# The variances of batches from one kind of images stay within a factor of 2; planted outliers give 50 and more.
OUTLIER_VARIANCE = 4.0
# Robust deviations (of the median, in units of 1.4826 MAD) of an image's mean or contrast.
OUTLIER_DEVIATIONS = 8.0
# Scaling left out is a factor of 255, a mean not subtracted half of the range; crops and resizing stay far below.
OTHER_RANGE = 64.0
OTHER_CONTRAST = 4.0


def are_apart(accuracy: float, other: float) -> bool:
    """Return whether two accuracies differ by more than noise."""
    return abs(accuracy - other) >= GAP - ROUND_OFF


def has_learned(accuracy: float) -> bool:
    """Return whether a model that gets so many of its training images right knows them."""
    return accuracy >= LEARNED - ROUND_OFF


def updates_needed(momentum: float) -> int | None:
    """Return the number of updates until the initial value weighs less than 1 %; None if it always weighs more."""
    if momentum >= 1.0:
        return None
    return 1 if momentum <= 0.0 else max(1, math.ceil(math.log(CONVERGED) / math.log(momentum)))
