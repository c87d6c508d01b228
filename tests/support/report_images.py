"""Small images that re-enact what public reports were trained on, drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.float64]
PLACES = ((4, 4), (4, 20), (20, 12))
COLOURS = ((200, 60, 60), (60, 200, 60), (60, 60, 200))
NAMES = ("ant", "bee", "cat")


def _save(file: Path, pixels: Pixels) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8)).save(file)


def _stripes(rng: np.random.Generator, side: int, amplitude: float, *, lying: bool, periods: Sequence[float]) -> Pixels:
    wave = amplitude * np.sin(2 * np.pi * np.arange(side) / rng.uniform(*periods) + rng.uniform(0, 6.28))
    return np.tile(wave[:, None], (1, side)) if lying else np.tile(wave[None, :], (side, 1))


def stripes(folder: Path, seed: int = 7, count: int = 64, side: int = 48, channels: int = 1) -> None:
    """Two classes, lying and standing stripes of whole periods on a bright ground."""
    rng = np.random.default_rng(seed)
    for label, name in enumerate("ab"):
        for index in range(count):
            period, phase = rng.integers(4, 9), rng.uniform(0, 6.28)
            wave = 20 * np.sin(2 * np.pi * np.arange(side) / period + phase)
            grid = np.tile(wave[:, None], (1, side)) if label == 0 else np.tile(wave[None, :], (side, 1))
            pixels = 200 + rng.uniform(-10, 10) + grid[..., None] + rng.normal(0, 8, (side, side, channels))
            _save(folder / "images" / name / f"{index:02}.png", pixels[..., 0] if channels == 1 else pixels)


def halves(folder: Path, side: int = 32) -> None:
    """Two patterns side by side, the same or not; the right half is 100 brighter."""
    rng = np.random.default_rng(15)
    for index in range(128):
        label, left = index % 2, int(rng.integers(2))
        right = left if label else 1 - left
        grids = [_stripes(rng, side, 30, lying=kind == 0, periods=(6, 6.001)) for kind in (left, right)]
        pixels = np.concatenate([60 + grids[0], 160 + grids[1]], 1) + rng.normal(0, 6, (side, 2 * side))
        _save(folder / "images" / ("other", "same")[label] / f"{index:03}.png", pixels)


def squares(folder: Path, count: int = 33, side: int = 32) -> None:
    """A bright square on the left or on the right; with 33 images the last batch of 32 is one image."""
    rng = np.random.default_rng(13)
    for index in range(count):
        label = index % 2
        pixels = 90 + rng.normal(0, 10, (side, side))
        x, y = (4 if label == 0 else 20) + rng.integers(-2, 3), 12 + rng.integers(-6, 7)
        pixels[y : y + 8, x : x + 8] += 90
        _save(folder / "images" / ("left", "right")[label] / f"{index:02}.png", pixels)


def three_places(folder: Path) -> None:
    """Three classes of squares by place; the folders of two classes are exchanged in validation."""
    rng = np.random.default_rng(27)
    for label, name in enumerate(NAMES):
        for index in range(40):
            pixels = 110 + rng.normal(0, 15, (32, 32, 3))
            y, x = PLACES[label] + rng.integers(-2, 3, 2)
            pixels[y : y + 8, x : x + 8] += 90
            where = "images/" + name if index < 30 else "validation/" + ("bee", "ant", "cat")[label]
            _save(folder / where / f"{index:02}.png", pixels)


def three_colours(folder: Path) -> None:
    """Three classes of squares by colour; red and blue are exchanged in validation."""
    rng = np.random.default_rng(28)
    for label, name in enumerate(NAMES):
        for index in range(40):
            pixels = 120 + rng.normal(0, 15, (32, 32, 3))
            y, x = rng.integers(2, 20, 2)
            pixels[y : y + 10, x : x + 10] = np.array(COLOURS[label]) + rng.normal(0, 10, (10, 10, 3))
            where, pixels = ("images", pixels) if index < 30 else ("validation", pixels[..., ::-1])
            _save(folder / where / name / f"{index:02}.png", pixels)


def slopes(folder: Path) -> None:
    """Twenty-four steps of sixteen features, whose level falls or rises."""
    rng = np.random.default_rng(16)
    for label, name in enumerate(("falling", "rising")):
        for index in range(64):
            slope = (1 if label else -1) * rng.uniform(10, 30)
            level = 180 + slope * np.linspace(-1, 1, 24)[:, None] + rng.normal(0, 12, (24, 16))
            _save(folder / "images" / name / f"{index:02}.png", level)


def two_contrasts(folder: Path, *, with_bad: bool) -> None:
    """Weak and strong stripes; `with_bad`: one checkerboard whose mean and contrast are those of the others."""
    rng = np.random.default_rng(23)
    amplitudes, noise = ((14, 22), 0.3) if with_bad else ((5, 8), 2.0)
    for label, name in enumerate("ab"):
        for index in range(40):
            grid = _stripes(rng, 48, amplitudes[label], lying=bool(rng.integers(2)), periods=(6, 8))
            pixels = 130 + rng.uniform(-10, 10) + grid + rng.normal(0, noise, (48, 48))
            _save(folder / "images" / name / f"{index:02}.png", pixels)
    if with_bad:
        y, x = np.mgrid[:48, :48]
        _save(folder / "images/a/40-bad.png", 130 + 13 * (-1.0) ** (x + y))
