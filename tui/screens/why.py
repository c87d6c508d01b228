"""Why: the layers in order: moving statistics against the batch's, and what that does to activations."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from repro.base.errors import ReproError
from repro.base.text import one_line
from repro.explain import layers
from repro.explain.causes.finding import Finding
from repro.explain.diagnosis import diagnose
from repro.explain.layers import LayerReport
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import ODD, rows
from tui.viewmodels import diagnosis_lines, layer_table, recording_lines


class WhyScreen(ReproScreen):
    """Explains one run's discrepancy from its own measurements."""

    HERE = "runs"
    CSS_PATH = "why.tcss"
    HELP = (
        "In training, BatchNormalization subtracts the batch's mean and divides by its deviation. In inference it uses "
        "moving averages. 'Left' is the share of the way from the initial value to the batch statistic still to go. "
        "'Mean off' and 'std ratio' on the right are what inference makes of an input that training turns into mean 0 "
        "and deviation 1, layer by layer. Left and right change the epoch."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "layers": "The layers in their order: up, down and the page keys scroll them.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "back", "Back", "why.back", "Go back"),
        key("m", "momentum", "Momentum", "why.momentum", "Show what another momentum would have given"),
        key("left,h", "epoch(-1)", "Earlier", "why.earlier", "Show the epoch measured before", display="←"),
        key("right,l", "epoch(1)", "Later", "why.later", "Show the epoch measured after", display="→"),
        key("f", "first", "First divergence", "why.first", "Go to the first layer where the phases diverge"),
        key("e", "report", "Report", "why.report", "Show what an export would hold"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.reports: list[LayerReport] = []
        self.findings: list[Finding] = []
        self.index = -1  # of the report that is shown
        self.fault = ""
        self._is_read = False
        self.phases: Content | None = None  # of a recording: its layers in both phases

    def body(self) -> ComposeResult:
        yield Static("", id="why-diagnosis", markup=False)
        yield Static("reading", id="why-head", markup=False)
        yield Static("", id="why-columns", markup=False)
        with VerticalScroll(id="layers"):
            yield Static("", id="rows", markup=False)

    def on_mount(self) -> None:
        self.query_one("#layers", VerticalScroll).focus()
        self.show_command(show(["show", self.run_id.rpartition("-")[2], *store_option(self.session.store_path)]))
        self._load()

    @work(thread=True)
    def _load(self) -> None:
        reports: list[LayerReport] = []
        findings: list[Finding] = []
        phases: Content | None = None
        fault = ""
        run = self.session.run_directory(self.run_id)
        try:
            reports = layers.read(run)
            phases = recording_lines.layers(run) if run.is_recording() else None
        except (ReproError, OSError) as error:
            fault = str(error)
        with contextlib.suppress(ReproError, OSError):  # a run that goes on has no diagnosis
            findings = diagnose(run)
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._loaded, reports, findings, phases, fault)

    def _loaded(
        self, reports: Sequence[LayerReport], findings: Sequence[Finding], phases: Content | None, fault: str
    ) -> None:
        if not self.is_composed:
            return
        self.findings, self.phases = list(findings), phases
        self.reports, self.fault, self._is_read = list(reports), fault, True
        self.index = len(self.reports) - 1
        self._draw()
        self.refresh_bindings()

    @property
    def report(self) -> LayerReport | None:
        """The layers after the epoch that is shown."""
        return self.reports[self.index] if self.reports else None

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self._is_read:
            self._draw()

    def _draw(self) -> None:
        if not self.is_composed:
            return
        diagnosis = self.query_one("#why-diagnosis", Static)
        diagnosis.display = bool(self.findings)
        diagnosis.update(diagnosis_lines.lines(self.findings, self.size.width))
        head, report = self.query_one("#why-head", Static), self.report
        if self.phases is not None:
            self._draw_recording(self.phases)
            return
        if report is None:
            text = one_line(self.fault, 300) or "This run measured no BatchNormalization layer."
            head.update(Content.styled(text, ODD))
            self.query_one("#rows", Static).update("")
            return
        width = self.size.width
        head.update(layer_table.head(report, self._run_name(), len(self.reports), width))
        columns = layer_table.Columns.of(report, width)
        self.query_one("#why-columns", Static).update(columns.heading())
        self.query_one("#rows", Static).update(layer_table.table(report, columns))

    def _draw_recording(self, phases: Content) -> None:
        """Draw every layer in both phases, then the moving statistics."""
        self.query_one("#why-head", Static).update(Content.styled(one_line(self._run_name(), 100), "bold"))
        self.query_one("#why-columns", Static).update("")
        parts = [phases]
        if self.report is not None:
            columns = layer_table.Columns.of(self.report, self.size.width)
            title = Content.styled("Moving statistics", "bold $text-accent")
            parts += [Content(""), title, columns.heading(), layer_table.table(self.report, columns)]
        self.query_one("#rows", Static).update(rows(parts))

    def _run_name(self) -> str:
        summary = self.session.summaries.get(self.run_id)
        return f"{summary.scenario}  {summary.place}" if summary else self.run_id

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that lead nowhere are shown as such; the keys between epochs are hidden if one was measured."""
        if action == "epoch":
            possible = 0 <= self.index + int(str(parameters[0])) < len(self.reports)
            return True if possible else None if len(self.reports) > 1 else False
        if action == "first":
            return True if self._first_divergence() is not None else None
        return True

    def _first_divergence(self) -> int | None:
        return self.report.first_divergence if self.report is not None else None

    def action_epoch(self, by: int) -> None:
        """Another measured epoch."""
        if self.reports:
            self.index = min(max(self.index + by, 0), len(self.reports) - 1)
            self._draw()
            self.refresh_bindings()

    def action_first(self) -> None:
        """Scroll to the first layer where the phases diverge."""
        first = self._first_divergence()
        if first is not None:
            self.query_one("#layers", VerticalScroll).scroll_to(y=max(0, first - 3), animate=False)

    def action_momentum(self) -> None:
        """Another momentum, without training."""
        from tui.screens.what_if import WhatIfScreen

        self.app.push_screen(WhatIfScreen(self.run_id))

    def action_report(self) -> None:
        """What an export would hold."""
        self.program.open_report([self.run_id])
