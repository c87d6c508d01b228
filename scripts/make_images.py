"""Draws the three synthetic greyscale images that the shipped scenarios train on: an awning, a fence, a target.

Bold, different textures on purpose: Keras 2.0.9 on TensorFlow 1.4 rounds otherwise in every process, and with softer
pictures the loss after five epochs depends on it. With these it saturates, as in the report (1.192093e-07).

    python scripts/make_images.py            writes scenarios/images/*.png
    python scripts/make_images.py --check    exits 1 where a file's pixels differ from what would be drawn
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

SIZE = 256
STRIPE = 10.4  # width of a stripe in pixels
DARK, LIGHT = 28, 228
FOLDER = Path(__file__).resolve().parent.parent / "scenarios" / "images"

Field = Callable[[np.ndarray, np.ndarray], np.ndarray]


def awning(_: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Stripes from left to right."""
    return y


def fence(x: np.ndarray, _: np.ndarray) -> np.ndarray:
    """Boards from top to bottom."""
    return x


def target(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Rings around the middle."""
    return np.hypot(x - SIZE / 2, y - SIZE / 2)


def draw(field: Field) -> Image.Image:
    """Alternate light and dark with every STRIPE of `field`."""
    y, x = np.mgrid[0:SIZE, 0:SIZE].astype(np.float64)
    light = np.floor(field(x, y) / STRIPE) % 2 == 0
    return Image.fromarray(np.where(light, LIGHT, DARK).astype(np.uint8), "L")


IMAGES = {"awning.png": awning, "fence.png": fence, "target.png": target}


def main() -> int:
    differing = []
    for name, field in IMAGES.items():
        image = draw(field)
        if "--check" in sys.argv:
            with Image.open(FOLDER / name) as found:
                if not np.array_equal(np.asarray(found), np.asarray(image)):
                    differing.append(name)
        else:
            image.save(FOLDER / name, optimize=True)
    if differing:
        print("differ from what this script draws:", ", ".join(differing), file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
