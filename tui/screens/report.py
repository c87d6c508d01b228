"""Report: what an export would hold, what it leaves out and replaces, and the text for a bug report."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from repro.base import defects
from repro.base.errors import ReproError
from repro.base.text import escape_control, one_line
from repro.runs.ids import RECORDED
from repro.runs.view import RunView
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import QUIET, rows, word
from tui.viewmodels import bundle_preview

if TYPE_CHECKING:
    from repro.bundle.export import Contents
    from repro.bundle.issue_text import Tracker

SITES: tuple[Tracker, ...] = ("keras", "tensorflow", "stackoverflow")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Inclusion:
    """What goes into a bundle beside records and figures, and the options of `repro export` that say so."""

    options: tuple[str, ...]
    shipped: bool = True
    own: bool = False
    script: bool = False
    data: bool = False


IMAGES = (Inclusion(()), Inclusion(("--no-images",), shipped=False), Inclusion(("--with-images",), own=True))
OF_RECORDINGS = (
    Inclusion(()),
    Inclusion(("--with-script",), script=True),
    Inclusion(("--with-script", "--with-data"), script=True, data=True),
)


class ReportScreen(ReproScreen):
    """Shows what `repro export --preview` and `repro issue` print, from the same functions."""

    HERE = "runs"
    CSS_PATH = "report.tcss"
    HELP = (
        "x writes the bundle, a zip with the evidence, and beside it the issue text, which is copied, too. Before that "
        "stand here the bundle's files with their sizes, what stays out and why, what is replaced because it names you "
        "or your machine, and the text. f changes the site that it is for."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "report": "The preview as a page: up, down and the page keys scroll it.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "back", "Back", "report.back", "Go back"),
        key("x", "export", "Export", "report.export", "Write bundle and issue text into the current folder"),
        key("n", "images", "Contents", "report.images", "Choose which images, or program and samples, go in"),
        key("f", "site", "Site", "report.site", "Change the site of the issue text"),
        key("i", "copy_issue", "Copy issue", "report.issue", "Copy the issue text, and write it to a file"),
    ]

    def __init__(self, runs: list[str]) -> None:
        super().__init__()
        self.runs = runs
        self.images = 0
        self.site = 0
        self.issue: str | None = None  # None: not known yet; empty: there is none, as of a run that was stopped
        self.stem = ""
        self._is_export_wanted = False

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report"):
            yield Static("", id="report-head", markup=False)
            with Container(id="sheets"):
                yield Static("reading", id="preview", markup=False)
                with Vertical(id="text"):
                    yield Static("", id="issue-title", markup=False)
                    yield Static("reading", id="issue", markup=False)

    def on_mount(self) -> None:
        self.query_one("#report").focus()
        self._load()

    def on_unmount(self) -> None:
        if self._is_export_wanted:
            self.session.say("the report was closed before its issue text was made: nothing was written", "warning")

    def export_arguments(self, *, preview: bool) -> list[str]:
        """The export command."""
        names = [run_id.rpartition("-")[2] for run_id in self.runs]
        target = ["--preview"] if preview else ["-o", f"{self.stem}.zip"]
        return ["export", *names, *target, *self._choices()[self.images].options]

    def issue_arguments(self) -> list[str]:
        """The command that writes the issue text."""
        return ["issue", self.runs[0].rpartition("-")[2], "--for", SITES[self.site]]

    @property
    def issue_file(self) -> Path:
        """Where the issue text goes, beside the bundle."""
        return Path(f"{self.stem}-issue.md")

    def _choose_name(self) -> None:
        """A name that is free in the current folder: nothing is ever written over."""
        usual = self.stem = self.runs[0].rpartition("-")[2]
        count = 1
        while Path(f"{self.stem}.zip").exists() or self.issue_file.exists():
            count += 1
            self.stem = f"{usual}-{count}"

    def _load(self) -> None:
        self.issue = None
        self._draw_head()
        self.query_one("#issue-title", Static).update(
            Content.assemble(
                (f"Issue text for {SITES[self.site]}", "bold $text-accent"),
                (f"  {one_line(self._of(self.runs[0]), 80)}" if len(self.runs) > 1 else "", QUIET),
            )
        )
        self._ask()

    def _draw_head(self) -> None:
        """What the report is of, and what x would do."""
        self._choose_name()
        store = store_option(self.session.store_path)
        command = show([*self.export_arguments(preview=False), *store])
        if self.issue != "":
            command += f" && {show([*self.issue_arguments(), *store])} > {self.issue_file}"
        self.show_command(command)
        first = self.session.summaries.get(self.runs[0])
        parts = [Content.styled(self._of(self.runs[0]) if len(self.runs) == 1 else f"{len(self.runs)} runs", "bold")]
        if len(self.runs) == 1 and first is not None:
            parts += [Content("   "), word(first.outcome).content()]
        keys = Content.assemble(
            ("x", "bold $footer-key-foreground"),
            f" writes {self.stem}.zip{'' if self.issue == '' else f' and {self.issue_file}'} into this folder.",
        )
        self.query_one("#report-head", Static).update(rows([Content("").join(parts), keys]))

    def _of(self, run_id: str) -> str:
        """A run in a few words."""
        one = self.session.summaries.get(run_id)
        known = one is not None and one.environment
        return one_line(f"{one.scenario}  {one.place}" if one and known else run_id, 120)

    def _collect(self) -> Contents:
        """What the bundle holds with the images that are chosen."""
        from repro.bundle import export  # 0.1 s, in a thread: the screen is shown at once

        choice = self._choices()[self.images]
        views = [RunView(self.session.run_directory(run_id)) for run_id in self.runs]
        return export.collect(
            views, images=choice.shipped, own_images=choice.own, script=choice.script, data=choice.data
        )

    def _issue_text(self) -> str:
        from repro.bundle import issue_text

        view = RunView(self.session.run_directory(self.runs[0]))
        return escape_control(issue_text.write(view, SITES[self.site]).text, keep="\n\t")

    @work(thread=True, exclusive=True)
    def _ask(self) -> None:
        self._hand(self._show_preview, *_attempt(self._collect))
        self._hand(self._show_issue, *_attempt(self._issue_text))

    def _hand(self, receive: Callable[..., None], *values: Any) -> None:
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(receive, *values)

    def _show_preview(self, contents: Contents | None, error: str) -> None:
        if self.is_composed:
            self.query_one("#preview", Static).update(bundle_preview.preview(contents, error, self.runs))

    def _show_issue(self, text: str | None, error: str) -> None:
        if not self.is_composed:
            return
        self.issue = text or ""
        self.refresh_bindings()
        self.query_one("#issue", Static).update(bundle_preview.issue(self.issue, error))
        self._draw_head()
        if self._is_export_wanted:
            self._is_export_wanted = False
            self.action_export()

    # -- keys

    def action_images(self) -> None:
        """The next choice of images, or of a recording's program and samples."""
        self.images = (self.images + 1) % len(self._choices())
        self._load()

    def _choices(self) -> tuple[Inclusion, ...]:
        """What can be chosen of these runs."""
        if all(self._is_recording(run_id) for run_id in self.runs):
            return OF_RECORDINGS
        return IMAGES if self._has_own_images() else IMAGES[:-1]

    def _is_recording(self, run_id: str) -> bool:
        summary = self.session.summaries.get(run_id)
        return summary is not None and summary.is_recording

    def _has_own_images(self) -> bool:
        """Whether a run was made with images of the user's, which stay here unless they are asked for."""
        for run_id in self.runs:
            with contextlib.suppress(ReproError, OSError):
                record = self.session.run_directory(run_id).record()
                if not record.shipped_images and record.environment != RECORDED:
                    return True
        return False

    def action_site(self) -> None:
        """The next site."""
        self.site = (self.site + 1) % len(SITES)
        self._load()

    def action_copy_issue(self) -> None:
        """The issue text, to the clipboard and a file."""
        if self.issue is None:
            self.session.say("the issue text is still being made")
        self.session.copy_out(self.issue or "", "the issue text")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own name
        """Where there is no issue text, none is copied."""
        return None if action == "copy_issue" and self.issue == "" else True

    def action_export(self) -> None:
        """Write the bundle and the issue text."""
        if self.issue is None:
            self._is_export_wanted = True
            self.session.say("the issue text is being made; both are written then")
        else:
            self._export(self.issue)

    @work(thread=True, group="export", exclusive=True)
    def _export(self, issue: str) -> None:
        from repro.bundle import export

        bundle, issue_file = Path(f"{self.stem}.zip"), self.issue_file
        _, error = _attempt(lambda: export.write(self._collect(), bundle))
        if error:
            self._hand(self.session.say, error, "error", 12)
            return
        wrote = f"wrote {bundle}"
        if issue:
            try:
                with issue_file.open("x", encoding="utf-8") as stream:
                    stream.write(issue)
            except OSError as fault:
                self._hand(self.session.say, f"{wrote}, not the issue text ({fault.strerror})", "error", 12)
                return
            wrote += f" and {issue_file}"
        self._hand(self._exported, wrote, issue)

    def _exported(self, wrote: str, issue: str) -> None:
        if issue:
            self.app.copy_to_clipboard(issue)
        self.session.say(f"{wrote} into {Path.cwd()}{'; the text is copied, too' if issue else ''}", seconds=12)
        if self.is_composed:
            self._draw_head()


def _attempt(function: Callable[[], Value]) -> tuple[Value | None, str]:
    """The function's value, or why there is none, in the words of the command line."""
    try:
        return function(), ""
    except (ReproError, OSError) as error:
        return None, f"repro: {error}"
    except Exception as error:  # a run from elsewhere must not end the program
        return None, f"repro: {defects.keep(error)}"
