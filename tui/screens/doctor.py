"""Doctor: what would keep runs from working here, with remedies."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from repro.base.text import one_line
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import BAD, GOOD, ODD, QUIET, hanging, rows

SIGNS = {"error": ("✗ error", BAD), "warning": ("! warning", ODD), "good": ("✓ good", GOOD), "info": ("· note", QUIET)}


class DoctorScreen(ReproScreen):
    """The findings of `repro doctor`."""

    HERE = "doctor"
    CSS_PATH = "doctor.tcss"
    HELP = (
        "What `repro doctor` finds: interpreter, environments, threads, memory, disk, store, GPU, each with a remedy."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "findings": "The findings, the gravest first: up, down and the page keys scroll them.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [key("r", "again", "Look again", "doctor.again", "Look again")]

    def body(self) -> ComposeResult:
        with VerticalScroll(id="findings"):
            yield Static("looking", id="found", markup=False)

    def on_mount(self) -> None:
        self.query_one("#findings").focus()
        self.show_command(show(["doctor", *store_option(self.session.store_path)]))
        self._examine()

    @work(thread=True, exclusive=True)
    def _examine(self) -> None:
        try:
            from repro.doctor import examine

            findings: list[Any] = list(examine(self.session.store))
            error = ""
        except Exception as fault:  # a probe that fails is told, whatever it is
            findings, error = [], f"{type(fault).__name__}: {fault}"
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._show, findings, error)

    def _show(self, findings: list[Any], error: str) -> None:
        if not self.is_composed:
            return
        found = self.query_one("#found", Static)
        if error:
            found.update(Content.styled(f"the examination failed: {one_line(error, 300)}", BAD))
            return
        order = ["error", "warning", "good"]
        findings.sort(key=lambda one: order.index(one.severity) if one.severity in order else 1)
        counts = {name: sum(one.severity == name for one in findings) for name in order}
        head = "All that runs need is here." if not counts["error"] else "Something keeps runs from working: see ✗."
        lines = [Content.styled(head, "bold"), Content("")]
        width = self.size.width - 6
        for one in findings:
            # What could be had besides, but is not needed: a tick beside "not installed" would be misread.
            severity = "info" if one.severity == "good" and one.remedy else one.severity
            sign, style = SIGNS.get(severity, (one_line(severity, 12), ODD))
            first = Content.assemble((f"{sign:<11}", style), (f"{one_line(one.subject, 24):<14}", "bold"))
            lines += hanging(first, one_line(one.message, 400), width)
            if one.remedy:
                lines += hanging(Content.assemble(" " * 11, ("→ ", style)), one_line(one.remedy, 400), width)
        found.update(rows(lines))

    def action_again(self) -> None:
        """Look again."""
        self.query_one("#found", Static).update("looking")
        self._examine()
