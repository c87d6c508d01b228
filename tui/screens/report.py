"""Report: what an export would hold, what it leaves out and replaces, and the text for a bug report."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui import queue
from tui.commands import show, store_option
from tui.screens.base import ReproScreen, key
from tui.text import BAD, GOOD, ODD, QUIET, plain, rows, size

SITES = ("keras", "tensorflow", "stackoverflow")
TIMEOUT = 120


class ReportScreen(ReproScreen):
    """Asks `repro export --preview` and `repro issue`, so that screen and command cannot differ."""

    HERE = "runs"
    CSS_PATH = "report.tcss"
    HELP = (
        "What `repro export` would write: files with their sizes, what stays out and why, and what is replaced because "
        "it names you or your machine. x writes the bundle. The issue text follows; f changes the site it is for, i "
        "copies it."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "report": "The preview as a page: up, down and the page keys scroll it.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "back", "Back", "report.back", "Go back"),
        key("x", "export", "Export", "report.export", "Export a bundle into the current folder"),
        key("n", "images", "Images", "report.images", "Leave images out or in"),
        key("f", "site", "Site", "report.site", "Change the site of the issue text"),
        key("i", "copy_issue", "Copy issue", "report.issue", "Copy the issue text, and write it to a file"),
    ]

    def __init__(self, runs: list[str]) -> None:
        super().__init__()
        self.runs = runs
        self.images = True
        self.site = 0
        self.issue = ""

    def body(self) -> ComposeResult:
        with VerticalScroll(id="report"):
            yield Static("", id="report-head", markup=False)
            yield Static("reading", id="preview", markup=False)
            yield Static("", id="issue-title", classes="section", markup=False)
            yield Static("reading", id="issue", markup=False)

    def on_mount(self) -> None:
        self.query_one("#report").focus()
        self._load()

    def words(self, *, preview: bool) -> list[str]:
        """The export command."""
        names = [run_id.rpartition("-")[2] for run_id in self.runs]
        rest = [] if self.images else ["--no-images"]
        target = ["--preview"] if preview else ["-o", f"{names[0]}.zip"]
        return ["export", *names, *target, *rest]

    def issue_words(self) -> list[str]:
        """The command that writes the issue text."""
        return ["issue", self.runs[0].rpartition("-")[2], "--for", SITES[self.site]]

    def _load(self) -> None:
        self.show_command(show([*self.words(preview=False), *store_option(self.repro.store_path)]))
        name = self.runs[0] if len(self.runs) == 1 else f"{len(self.runs)} runs"
        self.query_one("#report-head", Static).update(Content.styled(f"Bundle of {plain(name, 120)}", "bold"))
        self.query_one("#issue-title", Static).update(
            Content.assemble(
                f"Issue text for {SITES[self.site]}",
                (f"  $ {show([*self.issue_words(), *store_option(self.repro.store_path)])}", f"not bold {QUIET}"),
            )
        )
        self._ask()

    def _call(self, words: list[str]) -> tuple[int, str, str]:
        """A command of ours: exit code, output, last line of its errors."""
        command = [sys.executable, "-m", "repro", *words, "--store", str(self.repro.store_path)]
        try:
            done = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
                env=queue.variables(),
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
        if not self.is_mounted:
            return
        place = self.query_one("#preview", Static)
        if not isinstance(preview, dict):
            place.update(Content.styled(plain(error or "there is no preview", 400), BAD))
            return
        files = preview.get("files", [])
        total = sum(int(one["bytes"]) for one in files)
        lines = [
            Content(
                f"{len(files)} files, {size(total)} unpacked, images {'in' if self.images else 'out (hashes only)'}"
            ),
            Content(""),
        ]
        lines += [
            Content.assemble((f"{size(int(one['bytes'])):>10}  ", QUIET), self._short(one["path"])) for one in files
        ]
        left = preview.get("left_out", [])
        if left:
            lines += [Content(""), Content.styled("Stays out", "bold $text-accent")]
            room = max(len(self._short(one["path"])) for one in left)
            lines += [
                Content.assemble(
                    (f"{size(int(one.get('bytes') or 0)):>10}  ", QUIET),
                    f"{self._short(one['path']):<{room}}",
                    (f"  {plain(one.get('reason', ''), 200)}", ODD),
                )
                for one in left
            ]
        lines += [Content(""), Content.styled("Replaced", "bold $text-accent")]
        replaced = preview.get("replaced", [])
        if replaced:
            lines += [
                Content.assemble(
                    (f"{one.get('times', one.get('count', '')):>8} × ", QUIET),
                    (plain(one.get("alias", ""), 60), "bold"),
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
        return plain(path, 120)

    def _show_issue(self, text: str, error: str) -> None:
        if not self.is_mounted:
            return
        self.issue = text
        place = self.query_one("#issue", Static)
        if text:
            place.update(rows([Content(plain(line, 2000)) for line in text.splitlines()[:400]]))
        else:
            place.update(Content.styled(plain(error or "there is no issue text", 400), BAD))

    # -- keys

    def action_images(self) -> None:
        """Images in or out."""
        self.images = not self.images
        self._load()

    def action_site(self) -> None:
        """The next site."""
        self.site = (self.site + 1) % len(SITES)
        self._load()

    def action_copy_issue(self) -> None:
        """The issue text, to the clipboard and a file."""
        self.repro.copy_out(self.issue, "the issue text")

    def action_export(self) -> None:
        """Write the bundle."""
        self._export()

    @work(thread=True, group="export")
    def _export(self) -> None:
        words = self.words(preview=False)
        code, _, error = self._call(words)
        name = words[words.index("-o") + 1]
        if code == 0:
            self._hand(self.repro.say, f"wrote {name} into the current folder", "information", 10)
        else:
            self._hand(self.repro.say, error or "the bundle was not written", "error", 12)
