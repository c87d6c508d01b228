"""Curves over epochs in braille: log scale, gaps where there is no number, letters that name them without colour."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from textual.content import Content
from textual.geometry import Region
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

from repro.base.text import rounded
from tui.text import QUIET

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
BELOW = "▾"  # at the foot of a logarithmic scale: a value of 0, which it cannot hold
NOTHING_YET = ("no epoch has ended yet", "no epoch yet")  # the first that has room
STYLES = ("$text-accent", "$text-success", "$text-warning", "$text-error", "$text-primary", "$text-secondary")


@dataclass(frozen=True)
class Series:
    """One curve: `values[i]` belongs to epoch i + 1. A value that is not finite is a gap, 0 on a log scale a mark."""

    name: str
    values: Sequence[float]
    letter: str = ""


@dataclass(frozen=True)
class Scale:
    """From values to 0..1 (bottom to top)."""

    low: float
    high: float
    log: bool

    def at(self, value: float) -> float | None:
        """Height of a value, None where it has none."""
        if not math.isfinite(value) or (self.log and value <= 0):
            return None
        if self.log:
            value = math.log10(value)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int) -> list[tuple[float, str]]:
        """Heights and labels for the axis, at most `most`: whole decades, or the ends and the middle."""
        if not self.log:
            middle = (self.low + self.high) / 2
            values = [self.low, middle, self.high] if most >= 3 else [self.low, self.high]
            return [((v - self.low) / (self.high - self.low), rounded(round(v, 6))) for v in values]
        low, high = round(self.low), round(self.high)
        step = max(1, math.ceil((high - low) / max(1, most - 1)))
        return [((v - low) / (high - low), _decade(v)) for v in range(high, low - 1, -step)]


def _decade(exponent: int) -> str:
    return f"1e{exponent}" if abs(exponent) > 3 else f"{10.0**exponent:g}"


def scale_for(series: Sequence[Series], *, log: bool, fixed: tuple[float, float] | None = None) -> Scale:
    """A scale that holds all values; whole decades where it is logarithmic."""
    if fixed is not None:
        return Scale(*fixed, log=False)
    ends = [end for one in series for end in _ends(one.values, log=log)]
    if not ends:
        return Scale(0.0, 1.0, log)
    low, high = min(ends), max(ends)
    if log:
        low, high = math.floor(math.log10(low)), math.ceil(math.log10(high))
    if low == high:
        low, high = low - 1, high + 1
    return Scale(low, high, log)


def _ends(values: Sequence[float], *, log: bool) -> tuple[float, ...]:
    """The least and the greatest of the values that have a place on the scale; nothing where none has."""
    if not values:
        return ()
    if math.isfinite(sum(values)) and (not log or min(values) > 0):  # all of them: thirty thousand take 1 ms, not 4
        return min(values), max(values)
    placed = [v for v in values if math.isfinite(v) and (not log or v > 0)]
    return (min(placed), max(placed)) if placed else ()


def draw(
    series: Sequence[Series], width: int, height: int, scale: Scale, epochs: int, *, log_epochs: bool = False
) -> list[list[tuple[str, str]]]:
    """Cells of the plot from top to bottom: a character and a style each."""
    masks = [[0] * width for _ in range(height)]
    styles = [[""] * width for _ in range(height)]
    letters: dict[tuple[int, int], tuple[str, str]] = {}
    for index, one in enumerate(series):
        style = STYLES[index % len(STYLES)]
        points = _points(one.values, width * 2, height * 4, scale, epochs, log_epochs)
        for x, y in _joined(points):
            row, column = y // 4, x // 2
            masks[row][column] |= _DOTS[y % 4][x % 2]
            styles[row][column] = style
        if scale.log:
            for x in _zeros(one.values, width * 2, epochs, log_epochs):
                letters.setdefault((height - 1, x // 2), (BELOW, style))
        if one.letter:
            for x, y in _label_places(points, index, len(series), width * 2):
                letters.setdefault((y // 4, x // 2), (one.letter, f"bold {style}"))
    return [
        [
            letters.get((row, column))
            or ((chr(0x2800 + masks[row][column]), styles[row][column]) if masks[row][column] else (" ", ""))
            for column in range(width)
        ]
        for row in range(height)
    ]


def _place(i: int, width: int, epochs: int, log_epochs: bool) -> int:
    """Where value `i` stands from left to right."""
    if epochs < 2:
        return width // 2
    along = math.log(i + 1) / math.log(epochs) if log_epochs else i / (epochs - 1)
    return round(along * (width - 1))


def _zeros(values: Sequence[float], width: int, epochs: int, log_epochs: bool) -> list[int]:
    """Where values of 0 stand from left to right."""
    if 0 not in values:
        return []
    return sorted({_place(i, width, epochs, log_epochs) for i, value in enumerate(values) if value == 0})


def _points(
    values: Sequence[float], width: int, height: int, scale: Scale, epochs: int, log_epochs: bool
) -> list[tuple[int, int] | None]:
    found: list[tuple[int, int] | None] = []
    step = 1 if log_epochs else max(1, len(values) // (width * 4))  # no more points than there are dots
    for i in sorted({*range(0, len(values), step), max(0, len(values) - 1)} if values else ()):
        at = scale.at(values[i])
        found.append(
            None
            if at is None
            else (_place(i, width, epochs, log_epochs), round((1 - min(max(at, 0.0), 1.0)) * (height - 1)))
        )
    return found


def _joined(points: Sequence[tuple[int, int] | None]) -> set[tuple[int, int]]:
    dots: set[tuple[int, int]] = set()
    before: tuple[int, int] | None = None
    for point in points:
        if point is not None:
            dots.add(point)
            if before is not None:
                steps = max(abs(point[0] - before[0]), abs(point[1] - before[1]))
                for i in range(1, steps):
                    dots.add(
                        (
                            round(before[0] + (point[0] - before[0]) * i / steps),
                            round(before[1] + (point[1] - before[1]) * i / steps),
                        )
                    )
        before = point
    return dots


def _label_places(
    points: Sequence[tuple[int, int] | None], index: int, count: int, width: int
) -> list[tuple[int, int]]:
    """The end of the curve, and places along it that differ from curve to curve."""
    known = [point for point in points if point is not None]
    if not known:
        return []
    dots = sorted(_joined(points))
    found = [known[-1]]
    for part in range(3):
        wanted = int((part + (index + 1) / (count + 1)) / 3 * width)
        found.append(min(dots, key=lambda dot: abs(dot[0] - wanted)))
    return found


class Curve(Widget):
    """A plot with a title, an axis on the left and epochs below."""

    DEFAULT_CSS = """
    Curve { height: 10; width: 1fr; }
    """

    def __init__(
        self,
        title: str,
        *,
        log: bool = False,
        fixed: tuple[float, float] | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.title = title
        self.log_scale = log
        self.fixed = fixed
        self.series: list[Series] = []
        self.epochs = 0
        self._drawn: object = None
        self._lines: list[Content] = []
        self._lines_for: tuple[int, int] | None = None

    def show(self, series: Sequence[Series], epochs: int) -> None:
        """Draw other values; nothing happens where they are the same, and only lines that differ are drawn anew."""
        drawn = (epochs, [(one.name, one.letter, len(one.values), *one.values[-1:]) for one in series])
        if drawn == self._drawn:
            return
        self._drawn = drawn
        # Values may grow while they are shown: what is drawn again must be what was shown.
        self.series, self.epochs = [replace(one, values=one.values[:]) for one in series], epochs
        before, lines_for = self._lines, self._lines_for
        if lines_for is None or lines_for != self.size or self.text_selection is not None:
            self._lines_for = None
            self.refresh()
            return
        self._lines = self._figure(*lines_for)
        width = self.size.width
        new = [y for y, line in enumerate(self._lines) if y >= len(before) or not _alike(line, before[y])]
        if new or len(before) != len(self._lines):
            self.refresh(*(Region(0, y, width, 1) for y in new))

    def render(self) -> Content:
        return Content("\n").join(self._lines_now())

    def render_line(self, y: int) -> Strip:
        if self.text_selection is not None:
            return super().render_line(y)  # marks what is selected
        lines = self._lines_now()
        if y >= len(lines):
            return Strip.blank(self.size.width, self.visual_style.rich_style)
        strip: Strip = Visual.to_strips(self, lines[y], self.size.width, 1, self.visual_style)[0]
        return strip.apply_offsets(0, y)

    def _lines_now(self) -> list[Content]:
        if self._lines_for != self.size:
            self._lines, self._lines_for = self._figure(*self.size), self.size
        return self._lines

    def _figure(self, width: int, height: int) -> list[Content]:
        """The whole widget, line by line."""
        gutter = 7
        plot_width, plot_height = width - gutter - 1, height - 3
        if plot_width < 8 or plot_height < 2:
            return []
        scale = scale_for(self.series, log=self.log_scale, fixed=self.fixed)
        epochs = max([self.epochs, *(len(one.values) for one in self.series)])
        lengths = [len(one.values) for one in self.series if one.values]
        log_epochs = len(lengths) > 1 and max(lengths) > 8 * min(lengths)
        cells = draw(self.series, plot_width, plot_height, scale, epochs, log_epochs=log_epochs)
        lines = [self._head(width)]
        ticks = scale.ticks(4 if plot_height >= 7 else 3 if plot_height >= 5 else 2)
        marks = {round((1 - at) * (plot_height - 1)): text for at, text in ticks}
        empty = not any(one.values for one in self.series)
        for row, line in enumerate(cells):
            label = marks[row] if row in marks and not empty else ""
            parts: list[tuple[str, str]] = [(f"{label:>{gutter - 1}} ", QUIET), ("┤" if row in marks else "│", QUIET)]
            parts += _runs(line)
            lines.append(Content.assemble(*parts))
        if empty:
            note = next((text for text in NOTHING_YET if len(text) <= plot_width), "")
            middle = 1 + plot_height // 2
            lines[middle] = Content.assemble((" " * gutter + "│", QUIET), (note.center(plot_width), QUIET))
        lines.append(Content.styled(" " * gutter + "└" + "─" * plot_width, QUIET))
        end = f"epoch {epochs}{', log scale' if log_epochs else ''}" if epochs else "epoch"
        lines.append(Content.styled(" " * (gutter + 1) + ("1" if epochs else " ") + end.rjust(plot_width - 1), QUIET))
        return lines

    def _head(self, width: int) -> Content:
        parts: list[tuple[str, str]] = [(self.title, "bold")]
        if len(self.series) == 1 and self.series[0].values:
            last = rounded(self.series[0].values[-1])
            parts.append(("  " + last.rjust(width - len(self.title) - 3), STYLES[0]))
        return Content.assemble(*parts)


def _alike(one: Content, other: Content) -> bool:
    return one.plain == other.plain and one.spans == other.spans


def _runs(line: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Neighbours of one style joined."""
    found: list[tuple[str, str]] = []
    for character, style in line:
        if found and found[-1][1] == style:
            found[-1] = (found[-1][0] + character, style)
        else:
            found.append((character, style))
    return found
