"""Two pictures of a what-if: layers as bars, and momentum x epoch as a field of cells; both read without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual import events
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.text import QUIET, shade, share_style
from tui.widgets.drift import buckets

Parts = list[tuple[str, str]]
GUTTER = 10


def tall_bar(value: float | None, row: int, height: int) -> str:
    """The cell of a standing bar in `row`, counted from the top of `height`; a base line where nothing is left."""
    if value is None:
        return "·" if row == height - 1 else " "
    eighths = round(min(max(value, 0.0), 1.0) * height * 8) - (height - 1 - row) * 8
    if eighths <= 0:
        return "▁" if row == height - 1 else " "
    return "▁▂▃▄▅▆▇█"[min(eighths, 8) - 1]


class LayerBars(Widget):
    """One bar for each layer, 0 to 1."""

    DEFAULT_CSS = """
    LayerBars { height: 4; width: 1fr; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.values: list[float | None] = []

    def show(self, values: Sequence[float | None]) -> None:
        """Show other values."""
        if list(values) != self.values:
            self.values = list(values)
            self.refresh()

    def render(self) -> Content:
        width, height = max(8, self.size.width - GUTTER), self.size.height
        if not self.values:
            return Content.styled(" " * GUTTER + "-", QUIET)
        shown = buckets(self.values, width)
        each = min(3, max(1, width // len(shown)))
        lines = []
        for row in range(height):
            label = "left 1" if row == 0 and height > 1 else "left 0" if row == height - 1 and height > 1 else "left"
            parts: Parts = [(f"{label if row in (0, height - 1) else '':>{GUTTER - 1}} ", QUIET)]
            for value in shown:
                cell = tall_bar(value, row, height)
                parts.append((cell * max(1, each - 1) + " " * (each > 1), share_style(value)))
            lines.append(Content.assemble(*parts))
        return Content("\n").join(lines)


class MomentumMap(Widget):
    """Rows are epochs, columns momenta, a cell says how many images are right; a click chooses the cell."""

    DEFAULT_CSS = """
    MomentumMap { height: auto; width: 1fr; text-wrap: nowrap; }
    """

    class Chosen(Message):
        """A cell was clicked."""

        def __init__(self, column: int, row: int) -> None:
            super().__init__()
            self.column, self.row = column, row

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.momenta: list[float] = []
        self.epochs: list[int] = []
        self.right: dict[tuple[float, int], int] = {}
        self.images = 0
        self.cursor = (0, 0)
        self.own = -1.0
        self.pitch = 0
        self.lines = 1
        self.headed = True

    def set_axes(self, momenta: Sequence[float], epochs: Sequence[int], images: int, own: float) -> None:
        """What columns and rows stand for; `own` is the momentum that the run was trained at."""
        self.momenta, self.epochs, self.images, self.own = list(momenta), list(epochs), images, own
        self.refresh(layout=True)

    def show(self, right: Mapping[tuple[float, int], int], cursor: tuple[int, int]) -> None:
        """Images right by momentum and epoch, and the cell (column, row) of the sliders."""
        if (right, cursor) != (self.right, self.cursor):
            self.right, self.cursor = dict(right), cursor
            self.refresh()

    def fit(self, pitch: int, lines: int, *, headed: bool = True) -> None:
        """Cells of `pitch` x `lines`; without a head where the slider above has to do."""
        if (pitch, lines, headed) != (self.pitch, self.lines, self.headed):
            self.pitch, self.lines, self.headed = pitch, lines, headed
            self.refresh(layout=True)

    def render(self) -> Content:
        if not self.momenta or not self.pitch:
            return Content("")
        lines = self._head()
        for row, epoch in enumerate(self.epochs):
            for line in range(self.lines):
                middle = line == (self.lines - 1) // 2
                mark = "▸" if middle and row == self.cursor[1] else " "
                here = "bold $text-accent" if row == self.cursor[1] else QUIET
                parts: Parts = [(f"{mark} {epoch if middle else '':>{GUTTER - 3}} ", here)]
                for column in range(len(self.momenta)):
                    parts += self._cell(column, row, line)
                lines.append(Content.assemble(*parts))
        return Content("\n").join(lines)

    def _head(self) -> list[Content]:
        """Momenta above their columns; in two lines where they would touch."""
        labels = [f"{momentum:g}" for momentum in self.momenta]
        count = (1 if max(map(len, labels)) < self.pitch else 2) if self.headed else 0
        lines = []
        for line in range(count):
            parts: Parts = [(f"{'epoch' if line == count - 1 else '':>{GUTTER - 1}} ", QUIET)]
            at = GUTTER
            for column, label in enumerate(labels):
                if column % count != line:
                    continue
                start = GUTTER + column * self.pitch + (self._inner() - len(label)) // 2
                start = max(start, at)
                parts.append((" " * (start - at), ""))
                here, own = column == self.cursor[0], self.momenta[column] == self.own
                parts.append((label, "bold $text-accent" if here else "bold" if own else QUIET))
                at = start + len(label)
            lines.append(Content.assemble(*parts))
        return lines

    def _inner(self) -> int:
        """Cells without the gap; "[3/3]" needs five, a single digit three."""
        return self.pitch if self.pitch in (3, 5) else self.pitch - 1

    def _cell(self, column: int, row: int, line: int) -> Parts:
        inner = self._inner()
        gap = " " * (self.pitch - inner)
        here = (column, row) == self.cursor
        right = self.right.get((self.momenta[column], self.epochs[row]))
        middle = line == (self.lines - 1) // 2
        if right is None:
            text, mark, style = "·", " ", QUIET
        else:
            full = f"{right}/{self.images}"
            text = full if len(full) + 2 <= inner else str(right)
            mark, style = shade(right / self.images if self.images else 0.0)
        if here:
            if self.lines >= 3 and not middle:
                ends = "┌┐" if line == 0 else "└┘" if line == self.lines - 1 else "││"
                fill = "─" if line in (0, self.lines - 1) else " "
                return [(ends[0] + fill * (inner - 2) + ends[1] + gap, "bold $text-accent")]
            left, right_end = "││" if self.lines >= 3 else "[]"
            body = text if middle else mark * (inner - 2)
            return [
                (left, "bold $text-accent"),
                (body.center(inner - 2), f"bold {style}"),
                (right_end + gap, "bold $text-accent"),
            ]
        if not middle:
            return [(mark * inner + gap, style)]
        bold = f"bold {style}{' reverse' if mark == '█' else ''}" if right is not None else style
        if inner == 3 and len(text) == 1:
            return [(mark, style), (text, bold), (mark + gap, style)]
        body = f" {text} " if len(text) + 4 <= inner else text
        space = max(0, inner - len(body))
        return [
            (mark * (space // 2), style),
            (body, bold),
            (mark * (space - space // 2) + gap, style),
        ]

    def on_click(self, event: events.Click) -> None:
        if not self.pitch or not self.momenta:
            return
        event.stop()
        row = (event.y - len(self._head())) // self.lines
        column = (event.x - GUTTER) // self.pitch
        if 0 <= row < len(self.epochs) and 0 <= column < len(self.momenta):
            self.post_message(self.Chosen(column, row))
