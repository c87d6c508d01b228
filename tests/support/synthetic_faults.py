"""Sixty small images in two classes, drawn from a seed, with a fault planted where it is asked for.

Class `a` has stripes from left to right, class `b` from top to bottom, both with noise.

With an outlier class `b` has none: variances that are too large make everything look flat, which harms one class of
two unequal ones, and would leave the balance between two directions of stripes as it was.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16
PER_CLASS = 30


def draw(
    folder: Path,
    *,
    outlier: bool = False,
    random_labels: bool = False,
    scaled_validation: bool = False,
    validation: bool = False,
) -> None:
    """Write folder/images/{a,b} (and folder/validation/{a,b}).

    `outlier`: all images are dark, but one has the full range. `random_labels`: noise alone, nothing to be learned.
    `scaled_validation`: validation images went through another program, which divided them by 255.
    """
    generator = np.random.default_rng(1)
    for name in ("images", *(["validation"] if validation else [])):
        for label in "ab":
            place = folder / name / label
            place.mkdir(parents=True)
            for index in range(PER_CLASS):
                pixels = _image(label, generator, noise_only=random_labels or (outlier and label == "b"))
                if outlier:
                    pixels = 255 * (pixels > 128) if (name, label, index) == ("images", "a", 7) else pixels / 20
                if scaled_validation and name == "validation":
                    pixels = np.rint(pixels / 255)
                Image.fromarray(pixels.astype(np.uint8)).save(place / f"{index:02}.png")


def _image(label: str, generator: np.random.Generator, *, noise_only: bool) -> NDArray[np.float64]:
    noise = generator.normal(0, 30, (SIDE, SIDE))
    if noise_only:
        return np.clip(128 + noise, 0, 255)
    wave = 60 * np.sin(np.arange(SIDE) * 2 * np.pi / 4 + generator.uniform(0, 2 * np.pi))
    stripes = np.broadcast_to(wave[:, None] if label == "a" else wave[None, :], (SIDE, SIDE))
    return np.clip(128 + stripes + noise, 0, 255)
