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
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Log, Static

from repro.base.errors import InputError, ReproError
from repro.base.text import one_line
from repro.explain.causes.finding import Finding
from repro.runs.progress import Progress
from repro.runs.records import NOTHING_MEASURED, ClaimResult, Result, RunRecord
from repro.runs.summary import ENDED, RunSummary
from repro.runs.verdict import decide_all
from repro.scenario.script_types import AnyScenario, ScriptScenario
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import WIDTHS, ReproScreen
from tui.text import QUIET, rows
from tui.viewmodels import claims, diagnosis_lines, outcomes, recording_lines, run_lines
from tui.watchers import RunFollower, RunNews
from tui.widgets.curve import Curve, Series
from tui.widgets.drift import DriftStrip
from tui.widgets.pictures import ImageCard, load_images

DRAW_SECONDS = 0.25
TO_LOG_SECONDS = 2.0  # images of a run that was just opened are mounted within
MOST_PICTURES = 6
MOST_CLASSES = 3
ROW_LABEL_CELLS, NARROW_ROW_LABEL_CELLS = 25, 13
PAGE_PADDING = 4
CARD_GAP = 1
MINIMUM_CARD_CELLS = 13
SMALL_HEIGHT, NORMAL_HEIGHT = 24, 34
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
        self.scenario: AnyScenario | None = None
        self.result: Result | None = None
        self.damage = ""
        self.findings: list[Finding] = []
        self.paused = False
        self._tail: list[str] = []
        self._unwritten: deque[str] = deque(maxlen=LOG_LINES)
        self._to_log_until = 0.0
        self._second = 0
        self._dirty = True
        self._follower: RunFollower | None = None
        self._cards: list[ImageCard] = []
        self._shown_claims: tuple[list[ClaimResult], int] | None = None

    def body(self) -> ComposeResult:
        with VerticalScroll(id="page"):
            yield Static("", id="head", markup=False)
            yield Static("", id="diagnosis", markup=False)
            yield Static("", id="reason", markup=False)
            yield Static("", id="outcome", markup=False)
            with Horizontal(id="outcomes"):
                yield Static("", id="outcome-rows", markup=False)
            yield Static("", id="diagnosis-details", markup=False)
            yield Static("", id="phases", markup=False)  # in place of images, where there are none
            with Horizontal(id="columns"):
                with Vertical(id="left"):
                    with Horizontal(id="curves"):
                        yield Curve("Loss in fit", log=True, id="loss")
                        yield Curve("Accuracy in fit", fixed=(0.0, 1.0), id="accuracy")
                    yield Static("Moving statistics: distance still to go, by layer", classes="section")
                    yield DriftStrip(id="drift")
                with Vertical(id="right"):
                    yield Static("Claims", classes="section", id="claims-title", markup=False)
                    yield Static("", id="claims", markup=False)
            yield Static("Probabilities", classes="section", id="probabilities-title")
            yield Static("", id="probabilities", markup=False)
            yield Static("Log of the worker", classes="section", id="log-title")
            yield Log(id="log", max_lines=LOG_LINES)

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
            if self.state in ENDED and not self.findings:
                self._diagnose()
        self.damage = news.damage or self.damage
        if news.log:
            self._unwritten.extend(news.log)
            self._tail = [*self._tail, *(one_line(line, 300) for line in news.log[-12:])][-12:]
        self._dirty = True

    @work(thread=True, group="diagnosis")
    def _diagnose(self) -> None:
        """Say why the run is as it is, from its files; one that failed before it was measured has no diagnosis."""
        from repro.explain.diagnosis import diagnose  # 0.1 s, which a run that goes on need not pay

        findings: list[Finding] = []
        with contextlib.suppress(ReproError, OSError):
            findings = diagnose(self.session.run_directory(self.run_id))
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._diagnosed, findings)

    def _diagnosed(self, findings: list[Finding]) -> None:
        self.findings = findings
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
        place = self.query_one("#outcomes", Horizontal)
        if array is None:
            count = len(self.record.images) if self.record else 0
            array = [None] * min(MOST_PICTURES, count)
        cards = [ImageCard(image) for image in array]
        self._cards = cards
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
        if progress.recorded is not None and self.scenario is None:
            self._draw_data()
        else:
            claim_results = self._claims()
            self.put(self.query_one("#claims-title", Static), claims.title(claim_results))
            self._draw_claims(claim_results)
        self._draw_outcomes()
        for name, content in (
            ("#diagnosis", diagnosis_lines.headline(self.findings)),
            ("#diagnosis-details", diagnosis_lines.details(self.findings, self.size.width)),
        ):
            self.put(self.query_one(name, Static), content)
            self.query_one(name).display = bool(content.plain)
        damage, is_recording = self.damage or self.summary.reason or "", self.summary.is_recording
        reason = run_lines.reason(progress, self.state, damage, self._tail, is_recording=is_recording)
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
        place = self.query_one("#claims", Static)
        width = place.size.width or 60
        if (claim_results, width) != self._shown_claims or place not in self._put:
            self._shown_claims = (claim_results, width)
            self.put(place, claims.lines(claim_results, width) if claim_results else Content.styled("-", QUIET))

    def _draw_data(self) -> None:
        """Show in the place of claims, which a recording has not, the facts of its data; it has no log."""
        self.put(self.query_one("#claims-title", Static), Content("Data"))
        place = self.query_one("#claims", Static)
        self.put(place, recording_lines.data(recording_lines.fit_of(self.progress), place.size.width or 60))
        self.query_one("#log-title").display = self.query_one("#log").display = False

    def _draw_outcomes(self) -> None:
        """Show what each phase makes of the images: those that fit beside each other."""
        images = self.record.images if self.record else []
        row_labels, place = self.query_one("#outcome-rows", Static), self.query_one("#outcomes", Horizontal)
        place.display = bool(self._cards)
        width, height = self._card_size()
        is_narrow = self.size.width < WIDTHS[1][0]
        row_labels.styles.width = label_cells = NARROW_ROW_LABEL_CELLS if is_narrow else ROW_LABEL_CELLS
        labels = outcomes.row_labels(self.progress, len(images), height, with_loss=not is_narrow)
        self.put(row_labels, labels)
        fitting = max(1, (self.size.width - label_cells - PAGE_PADDING) // (width + CARD_GAP))
        for index, card in enumerate(self._cards):
            image = images[index] if index < len(images) else None
            card.display = index < fitting
            foot = outcomes.card_foot(self.progress, image, index, width)
            card.show(width, height, outcomes.card_heading(image, index, width), foot)
        self.put(self.query_one("#outcome", Static), outcomes.statement(self.progress, len(images)))
        for name in ("#outcome", "#probabilities", "#probabilities-title"):
            self.query_one(name).display = bool(images)
        self.query_one("#phases").display = not images
        table = outcomes.probability_table(self.progress, images, MOST_PICTURES, MOST_CLASSES)
        self.put(self.query_one("#probabilities", Static), table)

    def _card_size(self) -> tuple[int, int]:
        """Return the cells of a picture, so that all of them and the rows below fit on the first page."""
        height = 4 if self.size.height < SMALL_HEIGHT else 6 if self.size.height < NORMAL_HEIGHT else 9
        least = MINIMUM_CARD_CELLS if self.size.width < WIDTHS[1][0] else outcomes.FULL_CARD_CELLS
        return max(least, 2 * height), height

    def _command(self) -> str:
        others = {} if self.summary.is_recording else {"interrupted": "resume", "stopped": "resume"}
        command = ({"running": "watch"} | others).get(self.state, "show")
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
        if not isinstance(self.scenario, ScriptScenario) and self.progress.epoch == self.scenario.fit.epochs:
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
