"""Compare: any number of runs side by side; by default only what differs; a matrix of the verdicts."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from repro.base.errors import ReproError
from repro.base.text import one_line
from repro.runs.summary import RunSummary
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import BAD, QUIET, rows
from tui.viewmodels import comparison_lines
from tui.viewmodels.comparison_lines import ComparedRun
from tui.widgets.curve import STYLES, Curve, Series

if TYPE_CHECKING:
    from repro.explain.compare import Comparison


@dataclass
class Loaded:
    """What was read for a comparison, and what could not be."""

    runs: list[ComparedRun] = field(default_factory=list)
    comparison: Comparison | None = None
    faults: list[str] = field(default_factory=list)


class CompareScreen(ReproScreen):
    """The marked runs."""

    HERE = "compare"
    CSS_PATH = "compare.tcss"
    HELP = (
        "The marked runs side by side. Each has a letter, which stands along its curve. Only what differs is shown; a "
        "shows all. Differences of the environment come with the likeliest cause first. Below: the last verdict of "
        "every scenario in every environment. Mark runs with space in 2 Runs, or c on a run."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "comparison": "The comparison as a page: arrows and the page keys scroll it, also sideways.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("a", "all", "All rows", "compare.all", "Show all rows or only what differs"),
        key("x", "unmark", "Unmark", "compare.unmark", "Unmark the last run"),
        key("m", "matrix", "Matrix", "compare.matrix", "Go to the matrix of verdicts"),
        key("f", "file", "Copy table", "compare.write", "Copy the comparison as Markdown, to a file too"),
        key("escape", "back", "Runs", "compare.back", "Go to the list of runs", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.all_rows = False
        self._loaded: Loaded | None = None
        self._for: tuple[object, ...] | None = None

    def body(self) -> ComposeResult:
        with VerticalScroll(id="comparison"):
            yield Static("", id="legend", markup=False)
            with Horizontal(id="overlay"):
                yield Curve("Loss in fit", log=True, id="loss")
                yield Curve("Accuracy in fit", fixed=(0.0, 1.0), id="accuracy")
            yield Static("", id="predictions", markup=False)
            yield Static("", id="differences", markup=False)
            yield Static("Last verdicts", classes="section", id="matrix-title")
            yield Static("", id="matrix", markup=False)

    def on_mount(self) -> None:
        self.query_one("#comparison").focus()
        self.store_changed()

    def store_changed(self) -> None:
        if not self.is_composed:
            return
        self.query_one("#matrix", Static).update(
            comparison_lines.matrix(self.session.runs(), self.session.environments)
        )
        marked = [self.session.summaries[run_id] for run_id in self.session.marked if run_id in self.session.summaries]
        print_ = tuple((one.id, one.state, one.epoch) for one in marked)
        if print_ != self._for:
            self._for = print_
            self._load(marked)
        words = [one.short or one.id for one in marked]
        flag = ["--all-rows"] if self.all_rows else []
        self.show_command(show(["compare", *words, *flag, *store_option(self.session.store_path)]))

    @work(thread=True, exclusive=True)
    def _load(self, marked: Sequence[RunSummary]) -> None:
        loaded = Loaded()
        for summary in marked:
            run = self.session.run_directory(summary.id)
            try:
                loaded.runs.append(ComparedRun(summary, run.record(), run.progress()))
            except (ReproError, OSError) as error:
                loaded.faults.append(str(error))
        if len(loaded.runs) > 1:
            try:
                loaded.comparison = self._compare([run.summary.id for run in loaded.runs])
            except (ReproError, OSError) as error:
                loaded.faults.append(str(error))
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._show, loaded)

    def _compare(self, run_ids: Sequence[str]) -> Comparison:
        from repro.explain.compare import compare
        from repro.runs.view import RunView

        return compare([RunView(self.session.run_directory(run_id)) for run_id in run_ids])

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self._draw)

    def _show(self, loaded: Loaded) -> None:
        if self.is_composed:
            self._loaded = loaded
            self._draw()
            self.refresh_bindings()

    # -- drawing

    def _draw(self) -> None:
        loaded = self._loaded
        if loaded is None or not self.is_composed:
            return
        runs = loaded.runs
        lines = [Content.styled(one_line(fault, 300), BAD) for fault in loaded.faults]
        if len(runs) < 2:
            none_marked = "Mark two runs or more: space in 2 Runs, or c on a run."
            lines.append(Content.styled("One run is marked; mark another." if runs else none_marked, QUIET))
        self.query_one("#legend", Static).update(rows([*lines, *comparison_lines.legend(runs, STYLES)]))
        self.query_one("#overlay").display = bool(runs)
        epochs = max([len(run.progress.loss) for run in runs] or [0])
        for name in ("loss", "accuracy"):
            series = [
                Series(
                    run.summary.id,
                    [float(value) for value in getattr(run.progress, name)],
                    comparison_lines.letter(i) if len(runs) > 1 else "",
                )
                for i, run in enumerate(runs)
            ]
            self.query_one(f"#{name}", Curve).show(series, epochs)
        differences = comparison_lines.differences(loaded.comparison, self.size.width, all_rows=self.all_rows)
        for name, content in (("#predictions", comparison_lines.predictions(runs)), ("#differences", differences)):
            place = self.query_one(name, Static)
            place.update(content)
            place.display = bool(content.plain)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own name
        """Keys that make no sense now are shown as such."""
        if action in ("all", "file"):
            return True if self._loaded is not None and self._loaded.comparison is not None else None
        if action == "unmark":
            return True if self.session.marked else None
        return True

    def action_all(self) -> None:
        """All rows, or only what differs."""
        self.all_rows = not self.all_rows
        self.store_changed()
        self._draw()

    def action_unmark(self) -> None:
        """Take the last run out."""
        if self.session.marked:
            self.session.marked.pop()
            self.store_changed()

    def action_matrix(self) -> None:
        """Go to the matrix."""
        self.query_one("#comparison", VerticalScroll).scroll_to_widget(
            self.query_one("#matrix-title"), animate=False, top=True
        )

    def action_back(self) -> None:
        """The list of runs."""
        self.program.go("runs")

    def action_file(self) -> None:
        """The comparison as Markdown, in the clipboard and a file."""
        if self._loaded is None or self._loaded.comparison is None:
            return
        from repro.explain.compare import as_markdown

        self.session.copy_out(
            as_markdown(self._loaded.comparison, all_rows=self.all_rows), "the comparison as Markdown"
        )
