"""Images as half blocks: two pixels a cell, so that what the network saw stands on the screen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    import numpy as np

Pixels = list[list[tuple[int, int, int]]]


def load_images(path: Path, most: int = 12) -> np.ndarray[Any, Any]:
    """The first images of a run, uint8 (N, H, W, C); OSError or ValueError where there are none."""
    import numpy as np  # 60 ms; only a screen with pictures needs it

    array = np.load(path, allow_pickle=False, mmap_mode="r")
    if array.ndim != 4 or array.shape[-1] not in (1, 3):
        raise ValueError("not (N, H, W, C)")
    return np.array(array[:most])


def shrink(image: np.ndarray[Any, Any], width: int, height: int) -> Pixels:
    """Mean over blocks: `height` rows of `width` RGB pixels from (H, W, C)."""
    import numpy as np

    rows = np.linspace(0, image.shape[0], height + 1).astype(int)
    columns = np.linspace(0, image.shape[1], width + 1).astype(int)
    found = []
    for top, bottom in zip(rows, np.maximum(rows[1:], rows[:-1] + 1), strict=False):
        line = []
        for left, right in zip(columns, np.maximum(columns[1:], columns[:-1] + 1), strict=False):
            mean = image[top:bottom, left:right].reshape(-1, image.shape[-1]).mean(axis=0)
            values = [min(255, max(0, round(float(v)))) for v in mean]
            line.append((values[0], values[0], values[0]) if len(values) == 1 else (values[0], values[1], values[2]))
        found.append(line)
    return found


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
