"""Runs: everything in the store, filtered and sorted; open, compare, export, resume, delete with undo."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.events import Resize
from textual.widgets import Input, Static

from repro.base.errors import ReproError
from repro.base.text import one_line, share
from repro.runs.summary import ENDED, RunSummary
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import BUSY, ODD, QUIET, duration, rows, when, word
from tui.widgets.runlist import RunList

SORTS = {
    "newest": "newest first",
    "oldest": "oldest first",
    "scenario": "by scenario",
    "environment": "by environment",
    "outcome": "by outcome",
    "seconds": "longest first",
}


def sorted_by(runs: list[RunSummary], sort: str) -> list[RunSummary]:
    """Runs, which come newest first, in another order."""
    if sort == "oldest":
        return runs[::-1]
    if sort == "scenario":
        return sorted(runs, key=lambda run: (run.scenario, run.environment, run.seed))
    if sort == "environment":
        return sorted(runs, key=lambda run: (run.environment, run.scenario, run.seed))
    if sort == "outcome":
        return sorted(runs, key=lambda run: run.outcome)
    if sort == "seconds":
        return sorted(runs, key=lambda run: -(run.seconds or 0.0))
    return runs


class RunsScreen(ReproScreen):
    """The history."""

    HERE = "runs"
    CSS_PATH = "runs.tcss"
    HELP = (
        "Every run of the store. / filters: words that must all occur in id, scenario, environment, state or verdict. "
        "space marks runs: 3 compares them, e exports them. A deleted run lies in the store's trash until u takes it "
        "back or the program that deleted it is left."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "list": "The runs of the store: up and down choose one, enter opens it, space marks it.",
        "filter": "Words that must all occur; enter goes back to the list, escape empties it.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("o", "open", "Open", "runs.open", "Open the run", show=False),
        key("space", "mark", "Mark", "runs.mark", "Mark or unmark the run"),
        key("slash", "filter", "Filter", "runs.filter", "Filter the list"),
        key("s", "sort", "Sort", "runs.sort", "Sort the list another way"),
        key("c", "compare", "Compare", "runs.compare", "Compare the marked runs"),
        key("e", "report", "Report", "runs.report", "Show what an export would hold"),
        key("r", "resume", "Resume", "runs.resume", "Resume the run from its last checkpoint"),
        key("x", "stop", "Stop", "runs.stop", "Stop the run with a checkpoint", show=False),
        key("d,delete", "delete", "Delete", "runs.delete", "Delete the run"),
        key("u", "undo", "Undo", "runs.undo", "Undo the last deletion"),
        key("escape", "clear", "Clear", "runs.clear", "Clear the filter, then the marks"),
    ]

    def body(self) -> ComposeResult:
        with Horizontal(id="bar"):
            yield Input(placeholder="filter", id="filter", compact=True)
            yield Static("", id="count", markup=False)
        yield Static("", id="waiting", markup=False)
        yield Static("", id="columns-head", markup=False)
        yield RunList(self._line, id="list")
        yield Static("", id="detail", markup=False)

    def on_mount(self) -> None:
        listing = self.query_one(RunList)
        listing.focus()
        self.store_changed()

    # -- the list

    def store_changed(self) -> None:
        if not self.is_composed:
            return
        runs = self.session.runs()
        terms = self.query_one("#filter", Input).value.lower().split()
        shown = [run for run in runs if all(term in run.text for term in terms)]
        sort = self.session.settings.sort if self.session.settings.sort in SORTS else "newest"
        listing = self.query_one(RunList)
        listing.marked = set(self.session.marked)
        listing.show(sorted_by(shown, sort))
        count = f"{len(shown)} of {len(runs)}" if terms else f"{len(runs)} run{'s' if len(runs) != 1 else ''}"
        marked = f"  {len(self.session.marked)} marked" if self.session.marked else ""
        self.query_one("#count", Static).update(Content(f"{count}, {SORTS[sort]}{marked}"))
        self._show_waiting()
        head = self.query_one("#columns-head", Static)
        head.update(self._heading() if runs else self._empty())
        head.styles.height = 1 if runs else "auto"
        self._explain()
        self.refresh_bindings()

    def _empty(self) -> Content:
        if not self.session.loaded:
            return Content.styled("reading the store", QUIET)
        if self.session.store_error:
            return Content.styled(one_line(self.session.store_error, 300), ODD)
        lines = ["No runs yet.  1, then r, starts one.", f"Store: {one_line(self.session.store_path, 200)}"]
        return rows([Content.styled(line, QUIET) for line in lines])

    def _show_waiting(self) -> None:
        waiting = self.session.queue.waiting()
        place = self.query_one("#waiting", Static)
        place.display = bool(waiting)
        if waiting:
            some = "  ".join(t.heading + (f" seed {t.seed}" if t.environment else "") for t in waiting[:3])
            more = f"  and {len(waiting) - 3} more" if len(waiting) > 3 else ""
            idle = "" if self.session.queue.is_worked_on else "  (nobody works it off: F2, Queue: Go on)"
            place.update(Content.styled(f"○ waiting: {some}{more}{idle}", ODD if idle else BUSY))

    def _shape(self, width: int) -> tuple[int, bool, bool]:
        """Cells for the scenario's name, whether the date, and whether the figures have room."""
        figures, date = width >= 106, width >= 78
        fixed = 2 + 18 + 1 + 13 + 4 + (12 if date else 8) + (14 if date else 0) + (22 if figures else 0)
        return max(10, min(40, width - fixed)), date, figures

    def _heading(self) -> Content:
        width = self.query_one(RunList).size.width or self.size.width
        name, date, figures = self._shape(width)
        line = f"  {'outcome':<18}{'scenario':<{name + 1}}{'environment':<13}{'seed':>4}"
        if figures:
            line += f"{'fit':>11}{'predict':>11}"
        line += f"{'time':>{12 if date else 8}}"
        if date:
            line += "  started"
        return Content.styled(line, QUIET)

    def _line(self, run: RunSummary, width: int, marked: bool) -> Content:
        name, date, figures = self._shape(width)
        what = word(run.outcome)
        took = duration(run.seconds) if run.seconds is not None else ""
        if run.state in ("running", "interrupted", "stopped") and run.epochs:
            took = f"{run.epoch}/{run.epochs}"
        elif run.seconds is not None and not date:
            took = f"{run.seconds // 60:.0f}:{run.seconds % 60:02.0f}"
        outcome = f"{what.sign} {what.word}{' !' if run.degraded else ''}"
        seed = "-" if run.is_recording else str(run.seed)
        sign = f"{self.session.marked.index(run.id) + 1:<2}" if marked else "  "
        parts: list[tuple[str, str]] = [
            (sign, "bold $text-accent" if marked else ""),
            (outcome, what.style),
            (" " * (18 - len(outcome)), ""),
            (f"{_cut(run.scenario, name):<{name + 1}}{_cut(run.environment, 12):<13}{seed:>4}", ""),
        ]
        if figures:
            parts.append((f"{_figure(run.fit_accuracy):>11}{_figure(run.predict_accuracy):>11}", ""))
        parts.append((f"{took:>{12 if date else 8}}", ""))
        if date:
            parts.append((f"  {when(run.started)}", QUIET))
        return Content.assemble(*parts)

    def _explain(self) -> None:
        run = self.query_one(RunList).current
        detail = self.query_one("#detail", Static)
        if run is None:
            filtered = self.query_one("#filter", Input).value.split() and self.session.runs()
            detail.update(
                Content.styled("No run has all these words: escape clears the filter.", ODD) if filtered else ""
            )
            self.show_command(show(["runs", *store_option(self.session.store_path)]))
            return
        lines = [Content.assemble((one_line(run.id, 120), QUIET))]
        if run.reason:
            lines.append(Content.styled(one_line(run.reason, 300), ODD))
        elif run.claims:
            outcomes = [(claim.id, word(claim.outcome)) for claim in run.claims]
            signs = [(f"{outcome.sign} {name}  ", outcome.style) for name, outcome in outcomes]
            lines.append(Content.assemble(*signs))
        detail.update(rows(lines))
        self.show_command(show(["show", run.short or run.id, *store_option(self.session.store_path)]))

    @on(RunList.Highlighted)
    def _highlighted(self) -> None:
        self._explain()
        self.refresh_bindings()

    @on(RunList.Chosen)
    def _chosen(self, message: RunList.Chosen) -> None:
        self.program.open_run(message.run_id)

    @on(Input.Changed, "#filter")
    def _filter_changed(self) -> None:
        self.store_changed()

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self.query_one(RunList).focus()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.store_changed)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own name
        """Keys that make no sense now are shown as such."""
        if action in ("resume", "stop", "delete"):
            run = self.query_one(RunList).current if self.is_composed else None
            if run is None:
                return None
            if action == "stop":
                return True if run.state == "running" else None
            if action == "resume" and run.is_recording:
                return None  # only its own program can go on
            if action == "resume":
                return True if run.state in ENDED - {"finished", "damaged"} else None
            return True if run.state not in ("running", "reading") else None
        if action == "undo":
            return True if self.session.deleted else None
        if not self.is_mounted:
            return True
        if action == "clear":
            return bool(self.session.marked or self.query_one("#filter", Input).value or not self._in_list())
        if action in ("open", "mark", "compare", "report"):
            marked = bool(self.session.marked) and action in ("compare", "report")
            return True if marked or self.query_one(RunList).current is not None else None
        if action in ("filter", "sort"):
            return True if self.session.run_ids else None
        return True

    def _in_list(self) -> bool:
        """Whether the list has the focus, and not the filter."""
        return self.focused is self.query_one(RunList)

    def action_open(self) -> None:
        """Open the run under the cursor."""
        self.query_one(RunList).action_choose()

    def action_mark(self) -> None:
        """Mark or unmark the run under the cursor."""
        listing = self.query_one(RunList)
        if listing.current is None:
            return
        if listing.current.id in self.session.marked:
            self.session.marked.remove(listing.current.id)
        else:
            self.session.marked.append(listing.current.id)
        listing.action_move(1)
        self.store_changed()

    def action_filter(self) -> None:
        """Go to the filter."""
        self.query_one("#filter", Input).focus()

    def action_sort(self) -> None:
        """The next order."""
        names = list(SORTS)
        now = self.session.settings.sort if self.session.settings.sort in SORTS else "newest"
        self.session.settings.sort = names[(names.index(now) + 1) % len(names)]
        self.session.keep_settings()
        self.store_changed()

    def action_clear(self) -> None:
        """No filter; a second time no marks."""
        field = self.query_one("#filter", Input)
        if field.value:
            field.value = ""
        else:
            self.session.marked.clear()
        self.query_one(RunList).focus()
        self.store_changed()

    def action_compare(self) -> None:
        """Compare the marked runs; the one under the cursor joins where fewer than two are marked."""
        current = self.query_one(RunList).current
        if len(self.session.marked) < 2 and current is not None and current.id not in self.session.marked:
            self.session.marked.append(current.id)
        self.program.go("compare")

    def action_report(self) -> None:
        """What an export would hold."""
        current = self.query_one(RunList).current
        runs = list(self.session.marked) or ([current.id] if current else [])
        if runs:
            self.program.open_report(runs)

    def action_resume(self) -> None:
        """Go on from the last checkpoint."""
        run = self.query_one(RunList).current
        if run is not None and not run.is_recording:
            self.session.queue.resume_run(run)

    def action_stop(self) -> None:
        """Ask the run to stop."""
        run = self.query_one(RunList).current
        if run is not None:
            self.session.stop_run(run.id)

    def action_delete(self) -> None:
        """To the trash; u takes it back."""
        run = self.query_one(RunList).current
        if run is None:
            return
        try:
            self.session.delete_run(run)
        except (ReproError, OSError) as error:
            self.session.say(str(error), "error")
            return
        command = self.session.equivalent_command("delete", run.id)
        self.session.say(f"deleted {run.scenario} {run.short}: u takes it back  {command}")
        self.store_changed()
        self.refresh_bindings()

    def action_undo(self) -> None:
        """Take the last deleted run back."""
        if not self.session.deleted:
            return
        try:
            self.session.restore_run()
        except OSError as error:
            self.session.say(f"it cannot be taken back ({error.strerror})", "error")
            return
        self.session.say("taken back")
        self.refresh_bindings()


def _cut(text: str, width: int) -> str:
    return one_line(text, width)


def _figure(value: float | None) -> str:
    return "" if value is None else share(value)
