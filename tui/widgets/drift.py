"""How far moving statistics still have to go, layer by layer: a strip that reads without colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.content import Content
from textual.widget import Widget

from repro.base.text import share
from repro.explain.layers import remaining_distance
from repro.runs.events import BatchNormMeasured
from tui.text import QUIET, level, share_style


def buckets(values: Sequence[float | None], width: int) -> list[float | None]:
    """At most `width` values; neighbours share a cell, which shows the greatest."""
    if len(values) <= width:
        return list(values)
    found: list[float | None] = []
    for i in range(width):
        part = [v for v in values[i * len(values) // width : (i + 1) * len(values) // width] if v is not None]
        found.append(max(part) if part else None)
    return found


class DriftStrip(Widget):
    """One row for each measured epoch, one cell for each layer."""

    DEFAULT_CSS = """
    DriftStrip { height: auto; width: 1fr; }
    """

    def __init__(self, *, most_rows: int = 12, id: str | None = None) -> None:
        super().__init__(id=id)
        self._measured: list[BatchNormMeasured] = []
        self._most = most_rows

    def show(self, measured: Mapping[int, BatchNormMeasured]) -> None:
        """Show other measurements."""
        found = [measured[epoch] for epoch in sorted(measured)]
        if len(found) > self._most:
            found = [*found[: self._most // 2], *found[-(self._most - self._most // 2) :]]
        if found != self._measured:
            self._measured = found
            self.refresh(layout=True)

    def render(self) -> Content:
        if not self._measured:
            return Content.styled("not measured yet", QUIET)
        width = max(10, self.size.width - 11 - 18)
        lines = []
        layers = self._measured[-1].layers
        cells = min(width, len(layers))
        wide = 2 if len(layers) * 2 <= width else 1
        head = "first layer" + "last".rjust(max(0, cells * wide - 11))
        lines.append(Content.styled(f"{'':11}{head[: max(cells * wide, 16)]}  {'left':>7}  {'m^n':>7}", QUIET))
        for one in self._measured:
            values = buckets([remaining_distance(layer) for layer in one.layers], width)
            parts: list[tuple[str, str]] = [(f"epoch {one.epoch:<5}", "")]
            for value in values:
                parts.append((level(value) * wide, share_style(value)))
            pad = max(0, 16 - len(values) * wide)
            median = one.moving_to_batch_distance
            parts.append((" " * pad, ""))
            parts.append((f"  {share(median):>7}", "bold"))
            parts.append((f"  {share(one.initial_weight):>7}", QUIET))
            lines.append(Content.assemble(*parts))
        return Content("\n").join(lines)
