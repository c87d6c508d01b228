"""Report: what an export would hold, what it leaves out and replaces, and the text for a bug report."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Static

from repro.base.errors import ReproError
from repro.base.text import one_line
from repro.queue import tickets
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import BAD, GOOD, ODD, QUIET, rows, size, word

SITES = ("keras", "tensorflow", "stackoverflow")
TIMEOUT = 120
IMAGES: tuple[list[str], ...] = ([], ["--no-images"], ["--with-images"])  # the last: one's own, too


class ReportScreen(ReproScreen):
    """Asks `repro export --preview` and `repro issue`, so that screen and command cannot differ."""

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
        key("n", "images", "Images", "report.images", "Choose which images go in"),
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

    def words(self, *, preview: bool) -> list[str]:
        """The export command."""
        names = [run_id.rpartition("-")[2] for run_id in self.runs]
        target = ["--preview"] if preview else ["-o", f"{self.stem}.zip"]
        return ["export", *names, *target, *IMAGES[self.images]]

    def issue_words(self) -> list[str]:
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
        command = show([*self.words(preview=False), *store])
        if self.issue != "":
            command += f" && {show([*self.issue_words(), *store])} > {self.issue_file}"
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
        return one_line(f"{one.scenario}  {one.environment}  seed {one.seed}" if one and known else run_id, 120)

    def _call(self, words: list[str]) -> tuple[int, str, str]:
        """A command of ours: exit code, output, last line of its errors."""
        command = [sys.executable, "-P", "-m", "repro", *words, "--store", str(self.session.store_path)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                env=tickets.variables(),
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return 4, "", str(error)
        errors = done.stderr.decode("utf-8", "replace").strip().splitlines()
        return done.returncode, done.stdout.decode("utf-8", "replace"), errors[-1] if errors else ""

    @work(thread=True, exclusive=True)
    def _ask(self) -> None:
        code, output, error = self._call([*self.words(preview=True), "--json"])
        preview: Any = None
        if code == 0:
            with contextlib.suppress(ValueError):
                preview = json.loads(output)
        self._hand(self._show_preview, preview, error)
        code, output, error = self._call(self.issue_words())
        self._hand(self._show_issue, output if code == 0 else "", error)

    def _hand(self, what: Any, *values: Any) -> None:
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(what, *values)

    def _show_preview(self, preview: Any, error: str) -> None:
        if not self.is_composed:
            return
        place = self.query_one("#preview", Static)
        if not isinstance(preview, dict):
            place.update(Content.styled(one_line(error or "there is no preview", 400), BAD))
            return
        files = preview.get("files", [])
        total = sum(int(one["bytes"]) for one in files)
        images = sum(str(one["path"]).startswith("pictures/") for one in files)
        held = f"{images} image{'s' if images != 1 else ''} in" if images else "no images (their hashes stay)"
        lines = [
            Content.assemble(
                ("Bundle", "bold $text-accent"), (f"  {len(files)} files, {size(total)} unpacked, {held}", QUIET)
            ),
        ]
        lines += [
            Content.assemble((f"{size(int(one['bytes'])):>10}  ", QUIET), self._short(one["path"])) for one in files
        ]
        left = preview.get("left_out", [])
        if left:
            lines += [Content(""), Content.styled("Stays out", "bold $text-accent")]
            for reason in dict.fromkeys(one_line(one.get("reason", ""), 200) for one in left):
                lines.append(Content.styled(f"  {reason}", ODD))
                lines += [
                    Content.assemble((f"{size(int(one.get('bytes') or 0)):>10}  ", QUIET), self._short(one["path"]))
                    for one in left
                    if one_line(one.get("reason", ""), 200) == reason
                ]
        lines += [Content(""), Content.styled("Replaced", "bold $text-accent")]
        replaced = preview.get("replaced", [])
        if replaced:
            lines += [
                Content.assemble(
                    (f"{one.get('times', one.get('count', '')):>8} × ", QUIET),
                    (one_line(one.get("alias", ""), 60), "bold"),
                    (f"  in {self._short(one.get('path', ''))}", QUIET),
                )
                for one in replaced
            ]
        else:
            lines.append(Content.styled("✓ nothing had to be replaced", GOOD))
        place.update(rows(lines))

    def _short(self, path: str) -> str:
        """A path of the bundle with the runs' short names, which fit on a line."""
        for run_id in self.runs:
            path = path.replace(f"runs/{run_id}/", f"runs/…{run_id.rpartition('-')[2]}/")
        return one_line(path, 120)

    def _show_issue(self, text: str, error: str) -> None:
        if not self.is_composed:
            return
        self.issue = text
        self.refresh_bindings()
        place = self.query_one("#issue", Static)
        if text:
            place.update(rows([Content(one_line(line, 2000)) for line in text.splitlines()[:400]]))
        else:
            place.update(Content.styled(one_line(error or "there is no issue text", 400), BAD))
        self._draw_head()
        if self._is_export_wanted:
            self._is_export_wanted = False
            self.action_export()

    # -- keys

    def action_images(self) -> None:
        """The next choice of images."""
        self.images = (self.images + 1) % (len(IMAGES) if self._has_own_images() else len(IMAGES) - 1)
        self._load()

    def _has_own_images(self) -> bool:
        """Whether a run was made with images of the user's, which stay here unless they are asked for."""
        for run_id in self.runs:
            with contextlib.suppress(ReproError, OSError):
                if not self.session.run_directory(run_id).record().shipped_images:
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
            self._export(self.words(preview=False), self.issue)

    @work(thread=True, group="export", exclusive=True)
    def _export(self, words: list[str], issue: str) -> None:
        stem, issue_file = self.stem, self.issue_file
        code, _, error = self._call(words)
        if code:
            self._hand(self.session.say, error or "the bundle was not written", "error", 12)
            return
        wrote = f"wrote {stem}.zip"
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
