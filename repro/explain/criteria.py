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
# Outliers are rare: where more batches than these stand out, batches differ.
OUTLYING_SHARE = 0.25
# Robust deviations (of the median, in units of 1.4826 MAD) of an image's mean or contrast.
OUTLIER_DEVIATIONS = 8.0
# Scaling left out is a factor of 255, a mean not subtracted several deviations; crops and resizing stay far below 1.
OTHER_MEAN_DEVIATIONS = 1.0
OTHER_SPREAD = 2.0
# Mean deviation between the channels of a pixel, of 255: JPEG leaves less in a grey image, colours give 10 and more.
COLOURLESS = 1.0
# Losses differ when one is half as much again as the other, and by a twentieth of the loss of the first epoch.
LOSS_RATIO = 1.5
LOSS_SHARE = 0.05
# Fewer samples say too little for a claim about their share; a class needs four before a renaming says anything.
FEWEST_SAMPLES = 8
SAMPLES_A_CLASS = 4
# Answers that know nothing of the labels are right this much more often, by chance and the choice of a renaming.
RENAMED_DEVIATIONS = 4.0
# Of a variance, in channels that vary so little that initial values of less than `CONVERGED` still matter.
LARGE_SHARE = 0.1
# Inference that gets so many right leaves nothing to repair.
ALL_RIGHT = 0.98
# Half precision alone changes an output by less than a hundredth of its deviation.
ALONE_DISTANCE = 0.02
# Batch means of like batches of B samples are spread by 1 / sqrt(B); of kinds of inputs by the kinds' own distance.
KINDS_SPREAD = 0.5
# Share of the most frequent class of a batch, above what batches drawn at random have.
PURE_BATCHES = 0.2
# Of a value of the data from its mean; normal noise of a million values stays below 6.
FAR_VALUE_DEVIATIONS = 8.0
# What images are divided by, and how near to it a ratio of deviations has to be: epochs move it by a few percent.
SCALES = (255.0, 127.5)
FACTOR_TOLERANCE = 0.25
# A loss that falls by less than 2 % in 20 steps and more has not moved.
FLAT = 0.02
FEWEST_STEPS = 20
FEWEST_STEPS_UNEXPLAINED = 200  # slow starts look like this: a convolutional network on 2000 images, two epochs
# A step's change of a weight: float32 knows no smaller one, and half of the weight itself leaves nothing learned.
NO_CHANGE = 1e-7
WILD_CHANGE = 0.5


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
