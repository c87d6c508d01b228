"""Images as half blocks: two pixels a cell, so that what the network saw stands on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from repro import arrays

if TYPE_CHECKING:
    import numpy as np

Pixels = list[list[tuple[int, int, int]]]


def load_images(path: Path, most: int = 12) -> np.ndarray[Any, Any]:
    """The first images of a run, uint8 (N, H, W, C); InputError where there are none."""
    return arrays.read_pixels(path)[:most].copy()


def shrink(image: np.ndarray[Any, Any], width: int, height: int) -> Pixels:
    """`height` rows of `width` RGB pixels from (H, W, C), each the mean of its area."""
    import numpy as np

    rows, columns = _areas(image.shape[0], height), _areas(image.shape[1], width)
    means = np.einsum("yh,hwc,xw->yxc", rows, image.astype(np.float64), columns)
    values = np.clip(np.rint(means), 0, 255).astype(int)
    if values.shape[-1] == 1:
        values = np.repeat(values, 3, axis=-1)
    return [[(int(r), int(g), int(b)) for r, g, b in line] for line in values]


def _areas(length: int, count: int) -> np.ndarray[Any, Any]:
    """What each of `length` source pixels weighs in each of `count` areas.

    Where it costs at most a twentieth of the image, an area is a whole number of source pixels, so that a regular
    pattern of the image does not beat against the grid.
    """
    import numpy as np

    whole = length // count
    size = float(whole) if whole and whole * count >= 0.95 * length else length / count
    edges = np.arange(count + 1) * size
    pixels = np.arange(length)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights: np.ndarray[Any, Any] = np.clip(shared, 0.0, 1.0) / size
    return weights


class Picture(Widget):
    """One image, as large as its widget."""

    DEFAULT_CSS = """
    Picture { width: 24; height: 12; }
    """

    def __init__(self, image: np.ndarray[Any, Any] | None = None) -> None:
        super().__init__()
        self._image = image
        self._strips: list[Strip] = []
        self._for: tuple[int, int] = (0, 0)

    def render_line(self, y: int) -> Strip:
        width, height = self.size
        if self._image is None:
            return Strip.blank(width)
        if self._for != (width, height):
            self._for = (width, height)
            self._strips = self._paint(width, height)
        return self._strips[y] if y < len(self._strips) else Strip.blank(width)

    def _paint(self, width: int, height: int) -> list[Strip]:
        pixels = shrink(self._image, width, height * 2)  # type: ignore[arg-type]
        strips = []
        for y in range(height):
            segments = [
                Segment("▀", Style(color=Color.from_rgb(*above), bgcolor=Color.from_rgb(*below)))
                for above, below in zip(pixels[2 * y], pixels[2 * y + 1], strict=True)
            ]
            strips.append(Strip(segments, width))
        return strips
