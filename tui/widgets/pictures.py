"""Images as block characters: each cell shows two colours, parted by the glyph that fits what lies under it best."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Static

from repro.base import arrays

if TYPE_CHECKING:
    import numpy as np

Cell = tuple[str, tuple[int, int, int], tuple[int, int, int]]
"""A glyph, the colour of its ink and that of its ground."""

FINE = 8  # samples of a cell in each direction: an eighth block is one of them
_LOWER, _LEFT = " ▁▂▃▄▅▆▇", " ▏▎▍▌▋▊▉"
# Quarters with ink: upper left 1, upper right 2, lower left 4, lower right 8. The others are these with ink and ground
# exchanged.
_QUARTERS = {"▘": 1, "▝": 2, "▖": 4, "▗": 8, "▚": 9}


def load_images(path: Path, most: int = 12) -> np.ndarray[Any, Any]:
    """The first images of a run, uint8 (N, H, W, C); InputError where there are none."""
    return arrays.read_pixels(path)[:most].copy()


def cells(image: np.ndarray[Any, Any], width: int, height: int) -> list[list[Cell]]:
    """`height` rows of `width` cells from (H, W, C): of all glyphs the one with the least squared error, where ink and
    ground are the means of what they cover."""
    import numpy as np

    signs, masks = glyphs()
    fine = shrink(image, width * FINE, height * FINE)
    tiles = fine.reshape(height, FINE, width, FINE, 3).transpose(0, 2, 1, 3, 4).reshape(height * width, FINE * FINE, 3)
    inked = masks.sum(axis=1)
    ink = np.einsum("gp,npc->ngc", masks, tiles)
    ground = tiles.sum(axis=1)[:, None] - ink
    ink, ground = ink / np.maximum(inked, 1)[:, None], ground / (FINE * FINE - inked)[:, None]
    explained = (inked[:, None] * ink**2 + (FINE * FINE - inked)[:, None] * ground**2).sum(axis=2)
    best = np.argmax(np.round(explained, 3), axis=1)  # rounded: of equal ones the first, the plainest
    place = np.arange(height * width)
    colours = np.clip(np.rint(np.stack([ink[place, best], ground[place, best]], axis=1)), 0, 255).astype(int).tolist()
    found = [(signs[g], tuple(of[0]), tuple(of[1])) for g, of in zip(best.tolist(), colours, strict=True)]
    return [found[y * width : (y + 1) * width] for y in range(height)]


@functools.cache
def glyphs() -> tuple[str, np.ndarray[Any, Any]]:
    """Glyphs, and for each of them 1.0 where it has ink, (G, FINE * FINE); the plainest come first."""
    import numpy as np

    found: dict[str, np.ndarray[Any, Any]] = {}
    at = np.arange(FINE)
    for i in (0, 4, 1, 2, 3, 5, 6, 7):
        found[_LOWER[i]] = np.repeat((at >= FINE - i)[:, None], FINE, axis=1)
        found[_LEFT[i]] = np.repeat((at < i)[None, :], FINE, axis=0)
    for glyph, quarters in _QUARTERS.items():
        small = np.array([[quarters & 1, quarters & 2], [quarters & 4, quarters & 8]], dtype=bool)
        found[glyph] = np.kron(small, np.ones((FINE // 2, FINE // 2), dtype=bool))
    return "".join(found), np.stack([mask.reshape(-1) for mask in found.values()]).astype(np.float64)


def shrink(image: np.ndarray[Any, Any], width: int, height: int) -> np.ndarray[Any, Any]:
    """(height, width, 3) from (H, W, C), each value the mean of its area."""
    import numpy as np

    rows, columns = _areas(image.shape[0], height), _areas(image.shape[1], width)
    means = np.einsum("yh,hwc->ywc", rows, image.astype(np.float64))
    means = np.einsum("ywc,xw->yxc", means, columns)
    return np.repeat(means, 3, axis=-1) if means.shape[-1] == 1 else means


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
        return [
            Strip(
                [
                    Segment(glyph, Style(color=Color.from_rgb(*ink), bgcolor=Color.from_rgb(*ground)))
                    for glyph, ink, ground in row
                ],
                width,
            )
            for row in cells(self._image, width, height)  # type: ignore[arg-type]
        ]


class ImageCard(Vertical):
    """One image with its name above it and what each phase predicts below it."""

    DEFAULT_CSS = """
    ImageCard { width: auto; height: auto; margin-right: 1; }
    ImageCard Static { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, image: np.ndarray[Any, Any] | None) -> None:
        super().__init__()
        self._image = image
        self._shown: tuple[int, int, str, str] | None = None

    def compose(self) -> ComposeResult:
        yield Static("", classes="name", markup=False)
        yield Picture(self._image)
        yield Static("", classes="predictions", markup=False)

    def show(self, width: int, height: int, name: Content, predictions: Content) -> None:
        """Show the image in `width` x `height` cells."""
        content = (width, height, name.markup, predictions.markup)
        if content == self._shown or not self.is_mounted:
            return
        self._shown = content
        picture = self.query_one(Picture)
        picture.styles.width, picture.styles.height = width, height
        self.styles.width = width
        self.query_one(".name", Static).update(name)
        self.query_one(".predictions", Static).update(predictions)
