"""The layers of a run as lines: the head of the Why screen and its table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from textual.content import Content

from repro.base.text import one_line, share, three_digits
from repro.explain import layers
from repro.explain.layers import Layer, LayerReport
from repro.explain.phrases import ROOMY
from repro.runs.events import LayerDrift
from tui.text import BAD, GOOD, QUIET, bar, rows, share_style
from tui.viewmodels.sentences import styled

FIGURE_WIDTH = 10  # cells of the figure beside a bar, and of the gaps
EDGES = 5  # of the screen, with the scroll bar
STATISTICS_WIDTH = 46  # both pairs of moving and batch statistics
INFERENCE_WIDTH = 19


def head(report: LayerReport, run_name: str, epoch_count: int, width: int) -> Content:
    """Which run and epoch is shown, and what its layers say."""
    others = f"  (← → of {epoch_count} measured)" if width >= ROOMY and epoch_count > 1 else ""
    title = Content.assemble((one_line(run_name, 100), "bold"), f"   after epoch {report.epoch}", (others, QUIET))
    return rows([title, *(styled(sentence, width) for sentence in layers.summary(report))])


@dataclass(frozen=True)
class Columns:
    """Cells for the names and the bars; whether the statistics themselves have room."""

    name: int
    bar: int
    with_statistics: bool

    @classmethod
    def of(cls, report: LayerReport, width: int) -> Columns:
        """The columns of a report on a screen of `width` cells."""
        longest = 30 if width >= ROOMY else 18
        name = max([len("layer"), *(len(one_line(layer.drift.name, longest)) for layer in report.layers)])
        room = width - EDGES - (4 + name) - STATISTICS_WIDTH - INFERENCE_WIDTH
        if room >= 2 * (FIGURE_WIDTH + 4):
            return cls(name, min(8, room // 2 - FIGURE_WIDTH), with_statistics=True)
        return cls(name, 7 if width >= ROOMY else 0, with_statistics=False)

    def heading(self) -> Content:
        """The head of the table, in two lines if all columns have room."""
        return Content.styled(self._heading_text(), QUIET)

    def _heading_text(self) -> str:
        if not self.bar:
            return f"  {'layer':<{self.name}}   {'mean':<6}  {'var.':<6} {'off':>7} {'ratio':>7}"
        inference = f"{'mean off':>9} {'std ratio':>9}"
        cells = self.bar + 8
        if not self.with_statistics:
            distances = f"{'left of mean':<{cells}}  {'of variance':<{cells}}"
            return f"  {'layer':<{self.name}}  {distances}  {inference}"
        distances = f"{'of mean':<{cells}}  {'of variance':<{cells}}"
        pair = f"{'moving':>9} | {'batch':<9}"
        return (
            f"{'':<{self.name + 4}}{'remaining distance':<{2 * cells + 2}}  {'mean':^21}  {'variance':^21}  "
            f"{'in inference':>19}\n"
            f"  {'layer':<{self.name}}  {distances}  {pair}  {pair}  {inference}"
        )

    def row(self, layer: Layer, *, is_first_divergence: bool) -> Content:
        """One layer as a line."""
        drift, view = layer.drift, layer.inference
        parts: list[tuple[str, str]] = [
            ("▶ " if is_first_divergence else "  ", f"bold {BAD}"),
            (f"{one_line(drift.name, self.name):<{self.name}}  ", "bold" if is_first_divergence else ""),
            *self._distance(drift.mean),
            *self._distance(drift.variance),
        ]
        if self.with_statistics:
            parts.append((self._statistics(drift), QUIET))
        if view is not None:
            width = 9 if self.bar else 7
            figures = f"{_three_places(view.mean_shift):>{width}} {_three_places(view.std_ratio):>{width}}"
            parts.append((figures, BAD if view.diverges else GOOD))
        return Content.assemble(*parts)

    def _distance(self, value: Any) -> list[tuple[str, str]]:
        """A remaining distance as bar and figure."""
        distance = None if value is None else float(value)
        width = 8 if self.bar else 6
        return [(bar(distance, self.bar), share_style(distance)), (f" {share(distance):<{width}} ", "")]

    @staticmethod
    def _statistics(drift: LayerDrift) -> str:
        mean = f"{three_digits(drift.moving_mean):>9} | {three_digits(drift.batch_mean):<9}"
        variance = f"{three_digits(drift.moving_variance):>9} | {three_digits(drift.batch_variance):<9}"
        return f"{mean}  {variance}  "


def table(report: LayerReport, columns: Columns) -> Content:
    """All layers, the first that diverges marked."""
    first = report.first_divergence
    return rows(columns.row(layer, is_first_divergence=index == first) for index, layer in enumerate(report.layers))


def _three_places(value: float) -> str:
    return f"{value:.3f}" if 0.0005 <= value < 1000 else f"{value:.1e}"
