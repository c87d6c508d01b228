"""Draws the three synthetic greyscale images that the shipped scenarios train on: a boat, a house, a tree.

python scripts/make_images.py            writes scenarios/images/*.png
python scripts/make_images.py --check    exits 1 where a file's pixels differ from what would be drawn
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SIZE = 256
OVERSAMPLING = 4
FOLDER = Path(__file__).resolve().parent.parent / "scenarios" / "images"


def sky(top: int, bottom: int, horizon: float, ground: tuple[int, int]) -> Image.Image:
    """A vertical gradient down to `horizon` (a fraction of the height), then another one for the ground."""
    side = SIZE * OVERSAMPLING
    split = int(side * horizon)
    column = np.concatenate([np.linspace(top, bottom, split), np.linspace(*ground, side - split)])
    return Image.fromarray(np.repeat(column[:, None], side, axis=1).astype(np.uint8), "L")


def finish(image: Image.Image) -> Image.Image:
    """Soften the edges and shrink to the final size."""
    return image.filter(ImageFilter.GaussianBlur(OVERSAMPLING / 2)).resize((SIZE, SIZE), Image.Resampling.LANCZOS)


def scale(*points: tuple[float, float]) -> list[tuple[float, float]]:
    """Points given in hundredths of the side."""
    unit = SIZE * OVERSAMPLING / 100
    return [(x * unit, y * unit) for x, y in points]


def boat() -> Image.Image:
    image = sky(225, 250, 0.62, (120, 55))
    draw = ImageDraw.Draw(image)
    for row in range(66, 100, 5):
        wave = [(x, row + 1.1 * math.sin(x / 4 + row)) for x in range(101)]
        draw.line(scale(*wave), fill=150 - (row - 60), width=5)
    draw.polygon(scale((50, 12), (50, 58), (22, 58)), fill=245, outline=120)
    draw.polygon(scale((53, 18), (53, 58), (76, 58)), fill=190, outline=120)
    draw.line(scale((51.5, 10), (51.5, 64)), fill=40, width=14)
    draw.polygon(scale((16, 64), (86, 64), (74, 77), (27, 77)), fill=30)
    draw.ellipse(scale((80, 8), (92, 20)), fill=255)
    return finish(image)


def house() -> Image.Image:
    image = sky(60, 110, 0.78, (45, 25))
    draw = ImageDraw.Draw(image)
    draw.rectangle(scale((64, 14), (72, 34)), fill=90)
    draw.rectangle(scale((22, 44), (78, 82)), fill=205)
    draw.polygon(scale((14, 46), (50, 16), (86, 46)), fill=140)
    for left in (28, 60):
        draw.rectangle(scale((left, 52), (left + 12, 64)), fill=255)
        draw.line(scale((left + 6, 52), (left + 6, 64)), fill=60, width=8)
        draw.line(scale((left, 58), (left + 12, 58)), fill=60, width=8)
    draw.rectangle(scale((44, 60), (56, 82)), fill=50)
    draw.ellipse(scale((52.5, 70), (54.5, 72)), fill=230)
    return finish(image)


def tree() -> Image.Image:
    image = sky(190, 160, 0.85, (95, 130))
    draw = ImageDraw.Draw(image)
    draw.polygon(scale((45, 92), (47, 55), (53, 55), (56, 92)), fill=45)
    random = np.random.default_rng(3)
    for _ in range(260):
        angle, radius = random.uniform(0, 2 * math.pi), 27 * math.sqrt(random.uniform())
        x, y, size = 50 + 1.05 * radius * math.cos(angle), 36 + radius * math.sin(angle), random.uniform(2, 5)
        shade = int(75 + 1.1 * (50 - y) - 0.7 * (x - 50) + random.uniform(-22, 22))
        draw.ellipse(scale((x - size, y - size), (x + size, y + size)), fill=max(10, min(150, shade)))
    return finish(image)


IMAGES = {"boat.png": boat, "house.png": house, "tree.png": tree}


def main() -> int:
    differing = []
    for name, make in IMAGES.items():
        image = make()
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
