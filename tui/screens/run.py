"""Run: one run as it goes, or as it went."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Log, Static

from repro.base.errors import InputError
from repro.base.text import one_line
from repro.explain.causes.case import RecordedFinding
from repro.runs.progress import Progress
from repro.runs.records import NOTHING_MEASURED, ClaimResult, Result, RunRecord
from repro.runs.summary import ENDED, RunSummary
from repro.runs.verdict import decide_all
from repro.scenario.types import Scenario
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import QUIET, rows
from tui.viewmodels import claims, recording_lines, run_lines
from tui.watchers import RunFollower, RunNews
from tui.widgets.curve import Curve, Series
from tui.widgets.drift import DriftStrip
from tui.widgets.pictures import Picture, load_images

DRAW_SECONDS = 0.25
TO_LOG_SECONDS = 2.0  # images of a run that was just opened are mounted within
MOST_PICTURES = 6
LOG_LINES = 2000


class RunScreen(ReproScreen):
    """Follows one run directory. What it shows is drawn at its own pace, however fast events come."""

    HERE = "runs"
    CSS_PATH = "run.tcss"
    HELP = (
        "One run as it goes, or as it went. The curves show what fit reports; below them how far the moving "
        "statistics of each BatchNormalization layer still have to go. Training phase and inference stand side by "
        "side: the same weights, evaluated twice. Pausing freezes the view only; leaving leaves the run alone."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "page": "The run as a page: up, down and the page keys scroll it.",
        "log": "The log of the worker, its last 2,000 lines: arrows scroll it, the mouse selects in it.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "back", "Back", "run.back", "Go back; the run goes on"),
        key("p", "pause", "Freeze", "run.pause", "Freeze or thaw the view; the run goes on"),
        key("s", "stop", "Stop", "run.stop", "Stop the run with a checkpoint"),
        key("r", "resume", "Resume", "run.resume", "Resume the run from its last checkpoint"),
        key("w", "why", "Why", "run.why", "Show why inference differs"),
        key("e", "report", "Report", "run.report", "Show what an export would hold"),
        key("c", "mark", "Mark", "run.mark", "Mark the run for comparison"),
        key("l", "log", "Log", "run.log", "Go to the log", show=False),
    ]

    class News(Message):
        """The follower read something."""

        def __init__(self, news: RunNews) -> None:
            super().__init__()
            self.news = news

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.progress = Progress()
        self._heard = time.monotonic()
        self.state = "reading"
        self.record: RunRecord | None = None
        self.scenario: Scenario | None = None
        self.result: Result | None = None
        self.damage = ""
        self.paused = False
        self._tail: list[str] = []
        self._unwritten: deque[str] = deque(maxlen=LOG_LINES)
        self._to_log_until = 0.0
        self._second = 0
        self._dirty = True
        self._follower: RunFollower | None = None
        self._captions: list[Static] = []
        self._shown_claims: tuple[list[ClaimResult], int] | None = None
        self._findings: list[RecordedFinding] = []
        self._judged: tuple[int, ...] | None = None  # how much evidence the findings rest on

    def body(self) -> ComposeResult:
        with VerticalScroll(id="page"):
            yield Static("", id="head", markup=False)
            yield Static("", id="reason", markup=False)
            with Horizontal(id="columns"):
                with Vertical(id="left"):
                    with Horizontal(id="curves"):
                        yield Curve("Loss in fit", log=True, id="loss")
                        yield Curve("Accuracy in fit", fixed=(0.0, 1.0), id="accuracy")
                    yield Static("Moving statistics: the way left, layer by layer", classes="section")
                    yield DriftStrip(id="drift")
                    yield from self._claims_place("beside")
                with Vertical(id="right"):
                    yield Static("The same weights, two phases", classes="section", id="phases-title")
                    yield Static("", id="phases", markup=False)
                    yield Static("Images", classes="section", id="pictures-title")
                    yield Container(id="pictures")
            yield from self._claims_place("below")  # in one column the images come before them
            yield Static("Log of the worker", classes="section", id="log-title")
            yield Log(id="log", max_lines=LOG_LINES)

    @staticmethod
    def _claims_place(where: str) -> ComposeResult:
        yield Static("Claims", classes=f"section claims-title {where}", markup=False)
        yield Static("", classes=f"claims {where}", markup=False)

    def on_mount(self) -> None:
        self.query_one("#page", VerticalScroll).focus()
        run = self.session.run_directory(self.run_id)
        self._follower = RunFollower(run, self._tell)
        threading.Thread(target=self._follower.run, name=f"run {self.run_id}", daemon=True).start()
        self.set_interval(DRAW_SECONDS, self._draw)
        self._load_pictures()
        self._draw()

    def on_unmount(self) -> None:
        if self._follower is not None:
            self._follower.stop()

    def _tell(self, news: RunNews) -> None:
        with contextlib.suppress(RuntimeError):  # the program is ending
            self.post_message(self.News(news))

    @property
    def summary(self) -> RunSummary:
        """The run as the list knows it."""
        return self.session.summary(self.run_id)

    # -- what comes in

    def on_run_screen_news(self, message: News) -> None:
        """Also while the view is frozen: what would be held till then has no bounds."""
        news = message.news
        self.progress.extend(news.events)
        if news.events:
            self._heard = time.monotonic()
        self.record = news.record or self.record
        self.scenario = news.scenario or self.scenario
        if news.state is not None:
            self.state = news.state
            self.result = news.result if news.state == "finished" else None
            self.refresh_bindings()
        self.damage = news.damage or self.damage
        if news.log:
            self._unwritten.extend(news.log)
            self._tail = [*self._tail, *(one_line(line, 300) for line in news.log[-12:])][-12:]
        self._dirty = True

    @work(thread=True, group="pictures")
    def _load_pictures(self) -> None:
        """Read the images; where there are none, their place says so."""
        try:
            array = load_images(self.session.run_directory(self.run_id).file("arrays/images.npy"), MOST_PICTURES)
        except InputError:
            array = None
        with contextlib.suppress(RuntimeError):
            put: Any = self._put_pictures
            self.app.call_from_thread(put, array)

    async def _put_pictures(self, array: Any) -> None:
        if not self.is_composed:
            return
        place = self.query_one("#pictures", Container)
        if array is None:
            count = len(self.record.images) if self.record else 0
            array = [None] * min(MOST_PICTURES, count)
            if not count:
                await place.mount(Static("the run holds no images", classes="quiet", id="no-images", markup=False))
        cards = []
        for image in array:
            caption = Static("", classes="caption", markup=False)
            self._captions.append(caption)
            cards.append(Container(*([] if image is None else [Picture(image)]), caption, classes="card"))
        await place.mount(*cards)
        self._dirty = True

    # -- drawing

    def _draw(self) -> None:
        if not self.is_composed:
            return
        if not self.paused and self.is_current:
            self._write_log()
        going = self.state in ("running", "elsewhere")
        if self.paused or not (self._dirty or going) or not self.is_current:
            return
        second = int(time.monotonic())
        if self._dirty or second != self._second:
            self._second = second
            self.put(self.query_one("#head", Static), self._head(), layout=False)
        if not self._dirty:
            return
        self._dirty = False
        progress = self.progress
        epochs = progress.epochs or len(progress.loss)
        for name, figures in (("loss", progress.loss), ("accuracy", progress.accuracy)):
            self.query_one(f"#{name}", Curve).show([Series(name, figures.floats)], epochs)
        self.query_one("#drift", DriftStrip).show(progress.drift)
        self.put(self.query_one("#phases", Static), run_lines.phases(progress))
        if self.progress.recorded is not None:
            self._draw_recording()
        else:
            claim_results = self._claims()
            title = f"Claims  {claims.counts(claim_results)}" if claim_results else "Claims"
            for place in self.query(".claims-title").results(Static):
                self.put(place, Content(title))
            self._draw_claims(claim_results)
        images = self.record.images if self.record else []
        captions = run_lines.captions(progress, images, len(self._captions))
        for caption, content in zip(self._captions, captions, strict=True):
            self.put(caption, content)
        reason = run_lines.reason(progress, self.state, self.damage or self.summary.reason or "", self._tail)
        self.put(self.query_one("#reason", Static), reason)
        self.query_one("#reason").display = bool(reason.plain)
        self.show_command(self._command())

    def _write_log(self) -> None:
        """Hand over the lines that came, where one sees them: two thousand a second cost more than all else."""
        page, log = self.query_one("#page", VerticalScroll), self.query_one("#log", Log)
        if time.monotonic() < self._to_log_until:
            page.scroll_to_widget(log, animate=False)  # what is mounted above it may push it away
        if self._unwritten and log.virtual_region.y < page.scroll_offset.y + page.size.height:
            lines = [one_line(line, 2000) for line in self._unwritten]
            self._unwritten.clear()
            log.write_lines(lines)

    def _draw_claims(self, claim_results: list[ClaimResult]) -> None:
        place = next((place for place in self.query(".claims").results(Static) if place.display), None)
        if place is None:
            return  # the screen is being closed: nothing of it is displayed any more
        width = place.size.width or 60
        if (claim_results, width) != self._shown_claims or place not in self._put:
            self._shown_claims = (claim_results, width)
            self.put(place, claims.lines(claim_results, width) if claim_results else Content.styled("-", QUIET))

    def _draw_recording(self) -> None:
        """In the place of claims what the figures say, in that of images the facts of the data; there is no log."""
        for place in self.query(".claims-title").results(Static):
            self.put(place, Content("Why"))
        self.put(self.query_one("#pictures-title", Static), Content("Data"))
        self.query_one("#log-title").display = self.query_one("#log").display = False
        fit = recording_lines.fit_of(self.progress)
        for place in self.query("#no-images").results(Static):
            self.query_one("#pictures").add_class("-data")
            self.put(place, recording_lines.data(fit, self.query_one("#pictures").size.width or 60))
        shown = next((place for place in self.query(".claims").results(Static) if place.display), None)
        if shown is None:
            return
        evidence = None if fit is None else (fit.number, len(fit.measured), len(fit.trials), len(fit.calls))
        if evidence != self._judged or self.state != "running":
            self._judged = evidence
            self._findings = recording_lines.findings_of(self.progress, self.session.run_directory(self.run_id).path)
        self.put(shown, recording_lines.findings(self._findings, shown.size.width or 60))

    def _command(self) -> str:
        command = {"running": "watch", "interrupted": "resume", "stopped": "resume"}.get(self.state, "show")
        return show([command, self.summary.short or self.run_id, *store_option(self.session.store_path)])

    def _head(self) -> Content:
        heading = run_lines.heading(self.summary, self.record, self.result, self.state, is_frozen=self.paused)
        silent = time.monotonic() - self._heard
        progress = run_lines.progress_line(self.progress, self.state, self.result, silent, self.size.width)
        return rows([heading, progress])

    def _claims(self) -> list[ClaimResult]:
        if self.result is not None:
            return self.result.claims
        if self.scenario is None or self.record is None:
            return []
        labels = [image.label for image in self.record.images]
        measured = NOTHING_MEASURED
        if self.progress.epoch == self.scenario.fit.epochs:
            with contextlib.suppress(InputError):  # predictions of other images; the claims stay open
                measured = self.progress.measurements(self.scenario.fit.epochs, labels)
        return decide_all(self.scenario, measured, self.record.environment)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own name
        """Keys that make no sense now are shown as such."""
        if action in ("stop", "resume") and self.state == "finished":
            return False
        if action == "pause":  # the view of a run that ended stands still by itself
            return self.paused or self.state in ("reading", "running", "elsewhere")
        if action == "stop":
            return True if self.state == "running" else None
        if action == "resume":
            if self.summary.is_recording:
                return None  # only its own program can go on
            return True if self.state in ("interrupted", "stopped", "failed") else None
        if action == "why":
            state = self.summary.state if self.state == "reading" else self.state
            return True if self.progress.drift or state == "finished" else None
        return True

    def on_screen_resume(self) -> None:
        super().on_screen_resume()
        self._dirty = True

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self._dirty = True

    def action_pause(self) -> None:
        """Freeze the view; what comes meanwhile is shown when it thaws."""
        if not self.paused:
            self.paused = True
            self.put(self.query_one("#head", Static), self._head(), layout=False)
            return
        self.paused = False
        self._dirty = True
        self._draw()

    def action_stop(self) -> None:
        """Ask the run to stop."""
        if self.state == "running":
            self.session.stop_run(self.run_id)

    def action_resume(self) -> None:
        """Go on from the last checkpoint."""
        if self.state in ENDED - {"finished", "damaged"} and not self.summary.is_recording:
            self.session.queue.resume_run(self.summary)

    def action_why(self) -> None:
        """Layer by layer."""
        from tui.screens.why import WhyScreen

        self.app.push_screen(WhyScreen(self.run_id))

    def action_report(self) -> None:
        """What an export would hold."""
        self.program.open_report([self.run_id])

    def action_mark(self) -> None:
        """Mark or unmark for comparison."""
        marked = self.session.marked
        if self.run_id in marked:
            marked.remove(self.run_id)
            self.session.say("no longer marked for comparison")
        else:
            marked.append(self.run_id)
            self.session.say(f"marked as {len(marked)}. for comparison: 3 compares")

    def action_log(self) -> None:
        """Go to the log."""
        log = self.query_one("#log", Log)
        log.focus()
        self.query_one("#page", VerticalScroll).scroll_to_widget(log, animate=False)
        self._to_log_until = time.monotonic() + TO_LOG_SECONDS
