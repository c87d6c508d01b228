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
from repro.runs import events, layout
from repro.runs.progress import Progress, prediction
from repro.runs.records import NOTHING_MEASURED, ClaimResult, Result, RunRecord
from repro.runs.summary import ENDED, RunSummary
from repro.runs.verdict import decide_all
from repro.scenario.types import Scenario
from tui.commands import show, store_option
from tui.screens.base import ReproScreen, key
from tui.text import BAD, BAR, BUSY, GOOD, HIGH, LOW, ODD, QUIET, bar, duration, number, plain, rows, share, size, word
from tui.viewmodels import claims
from tui.watchers import RunFollower, RunNews
from tui.widgets.curve import Curve, Series
from tui.widgets.drift import DriftStrip
from tui.widgets.pictures import Picture, load_images

DRAW_SECONDS = 0.25
TO_LOG_SECONDS = 2.0  # images of a run that was just opened are mounted within
MOST_PICTURES = 6
LOG_LINES = 2000
STAGES = {
    "import": "importing the framework",
    "build": "building the network",
    "fit": "training",
    "measure": "measuring",
    "hash": "hashing the weights",
}

Probabilities = list[list[events.Number]]


def _opinion(probabilities: list[events.Number], label: int | None, most: int = 3) -> list[Content]:
    """The class, whether it is right, and the probabilities, the greatest of them where there are many."""
    chosen = prediction([probabilities], None).classes[0]
    good = chosen == label
    right = "right" if good else "wrong"
    lines = [Content.styled(f"{'✓' if good else '✗'} class {chosen} {right}", GOOD if good else BAD)]
    shown = list(enumerate(probabilities))
    if len(shown) > most:
        shown = sorted(shown, key=lambda one: -float(one[1]))[:most]
    return lines + [
        Content.assemble((f"{class_} ", QUIET), (bar(float(value), 8), BAR), f" {share(value)}")
        for class_, value in shown
    ]


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
                    yield Static("Images", classes="section")
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
        run = self.repro.run_directory(self.run_id)
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
        return self.repro.summaries.get(self.run_id) or RunSummary.from_id(self.run_id, self.repro.environments)

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
            self._tail = [*self._tail, *(plain(line, 300) for line in news.log[-12:])][-12:]
        self._dirty = True

    @work(thread=True, group="pictures")
    def _load_pictures(self) -> None:
        """Read the images; where there are none, their place says so."""
        try:
            array = load_images(self.repro.run_directory(self.run_id).file(layout.IMAGES), MOST_PICTURES)
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
                await place.mount(Static("the run holds no images", classes="quiet"))
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
        self.put(self.query_one("#phases", Static), self._phases())
        found = self._claims()
        title = f"Claims  {claims.counts(found)}" if found else "Claims"
        for place in self.query(".claims-title").results(Static):
            self.put(place, Content(title))
        self._draw_claims(found)
        self._draw_captions()
        reason = self._reason()
        self.put(self.query_one("#reason", Static), reason)
        self.query_one("#reason").display = bool(reason.plain)
        self.show_command(self._command())

    def _write_log(self) -> None:
        """Hand over the lines that came, where one sees them: two thousand a second cost more than all else."""
        page, log = self.query_one("#page", VerticalScroll), self.query_one("#log", Log)
        if time.monotonic() < self._to_log_until:
            page.scroll_to_widget(log, animate=False)  # what is mounted above it may push it away
        if self._unwritten and log.virtual_region.y < page.scroll_offset.y + page.size.height:
            lines = [plain(line, 2000) for line in self._unwritten]
            self._unwritten.clear()
            log.write_lines(lines)

    def _draw_claims(self, found: list[ClaimResult]) -> None:
        place = next((place for place in self.query(".claims").results(Static) if place.display), None)
        if place is None:
            return  # the screen is being closed: nothing of it is displayed any more
        width = place.size.width or 60
        if (found, width) != self._shown_claims or place not in self._put:
            self._shown_claims = (found, width)
            self.put(place, claims.lines(found, width) if found else Content.styled("-", QUIET))

    def _command(self) -> str:
        words = {"running": "watch", "interrupted": "resume", "stopped": "resume"}.get(self.state, "show")
        return show([words, self.summary.short or self.run_id, *store_option(self.repro.store_path)])

    def _head(self) -> Content:
        summary, progress = self.summary, self.progress
        name = self.record.scenario if self.record else summary.scenario
        environment = self.record.environment if self.record else summary.environment
        seed = self.record.seed if self.record else summary.seed
        what = word((self.result.verdict if self.result else None) or self.state)
        parts: list[tuple[str, str]] = [
            (plain(name, 60), "bold"),
            (f"  {plain(environment, 40)}  seed {seed}   ", QUIET),
            (f"{what.sign} {what.word}", f"bold {what.style}"),
        ]
        if self.result is not None and self.result.degraded:
            parts.append(("  degraded: another device than asked for", ODD))
        if self.paused:
            parts.append(("   view is frozen (p)", ODD))
        return rows([Content.assemble(*parts), self._second_line(progress)])

    def _second_line(self, progress: Progress) -> Content:
        step = progress.step_seconds or (progress.epoch_seconds[0] if progress.epoch_seconds else None)
        facts = [f"epoch {progress.epoch} of {progress.epochs}"] if progress.epochs else []
        if step is not None:
            facts.append(f"{duration(step)} a step")
        if self.state == "running":
            since = progress.seconds_so_far + time.monotonic() - self._heard
            # A worker that was begun ahead is taken before it is ready: it says nothing until then.
            early = "importing, building and tracing, begun ahead" if "warm" in progress.seconds else "starting"
            stage = STAGES.get(progress.stage, plain(progress.stage, 20)) if progress.stage else early
            if progress.stage == "fit" and progress.epoch == 0:
                stage = "tracing the first step, the slow one"
            if progress.stop_requested:
                stage = "stopping with a checkpoint"
            facts.append(stage)
            left = progress.seconds_left
            if left is not None and progress.epoch < progress.epochs:
                facts.append(f"about {duration(left)} left")
            done = progress.epoch / progress.epochs if progress.epochs else 0.0
            # The seconds before what may be cut off: in a narrow terminal nothing else moves while the step is traced.
            return Content.assemble(
                (f"{bar(done, 16 if self.size.width >= 80 else 8)}▏", BUSY),
                (f"  {duration(since)}  ·  ", QUIET),
                "  ·  ".join(facts),
            )
        if self.result is not None:
            facts.append(f"{duration(self.result.seconds.get('total'))} in all")
            if progress.peak_memory_bytes:
                facts.append(f"{size(progress.peak_memory_bytes)} at the peak")
        elif progress.checkpoint is not None:
            facts.append(f"checkpoint after epoch {progress.checkpoint.epoch}")
        if progress.stretch > 1:
            facts.append(f"{progress.stretch} stretches")
        return Content.styled("  ·  ".join(facts), QUIET)

    def _reason(self) -> Content:
        """Why there is no verdict, with the end of the log where the worker failed."""
        ended = self.progress.ended
        found: list[Content] = []
        if self.state == "damaged":
            found.append(Content.styled(plain(self.damage or self.summary.reason or "damaged", 400), BAD))
        elif self.state == "failed":
            found.append(Content.styled(plain(ended.reason if ended else "failed", 500), BAD))
            found += [Content.styled("  " + line[:300], QUIET) for line in self._tail[-6:]]
        elif self.state in ("stopped", "interrupted"):
            text = ended.reason if ended else "the supervisor is gone: killed, or the machine went down"
            where = "goes on from the last checkpoint" if self.progress.checkpoint else "begins from the start"
            found.append(Content.styled(f"{plain(text, 300)}.  r {where}", ODD))
        elif self.state == "elsewhere":
            found.append(Content.styled("another machine or container is at it", BUSY))
        found += [Content.styled(f"! {plain(text, 300)}", ODD) for text in self.progress.warnings]
        return rows(found)

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

    def _phases(self) -> Content:
        latest = max((epoch for _, epoch in self.progress.evaluations), default=None)
        if latest is None:
            return Content.styled("not measured yet", QUIET)
        lines = [Content.styled(f"{'after epoch ' + str(latest):<18}{'loss':<16}accuracy", QUIET)]
        for phase, name in (("training", "training phase"), ("inference", "inference")):
            one = self.progress.evaluations.get((phase, latest))
            if one is None:
                continue
            right = float(one.accuracy) >= 0.999
            lines.append(
                Content.assemble(
                    f"{name:<18}",
                    f"{number(one.loss):<16}",
                    (f"{share(one.accuracy)}  ", GOOD if right else BAD),
                    (bar(float(one.accuracy), 8), LOW if right else HIGH),
                )
            )
        return rows(lines)

    def _draw_captions(self) -> None:
        """Name and label of each image, and what each phase says of it."""
        training, inference = self._probabilities()
        for i, caption in enumerate(self._captions):
            image = self.record.images[i] if self.record and i < len(self.record.images) else None
            label = image.label if image is not None else None
            name = plain(image.name if image else f"image {i}", 22)
            lines = [Content.styled(name, "bold"), Content.styled(f"label {label}", QUIET)]
            for phase, rows_ in (("training phase", training), ("inference", inference)):
                if i < len(rows_):
                    lines += [Content.styled(phase, QUIET), *_opinion(rows_[i], label)]
            self.put(caption, rows(lines))

    def _probabilities(self) -> tuple[Probabilities, Probabilities]:
        """The latest probabilities, training phase and inference; runs made by older workers have only the second."""
        progress = self.progress
        inference: Probabilities = []
        if progress.predictions:
            inference = progress.predictions[max(progress.predictions)].probabilities
        latest = max((epoch for phase, epoch in progress.evaluations if phase == "training"), default=None)
        training = progress.evaluations["training", latest].probabilities if latest is not None else None
        return training or [], inference

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
            self.repro.stop_run(self.run_id)

    def action_resume(self) -> None:
        """Go on from the last checkpoint."""
        if self.state in ENDED - {"finished", "damaged"}:
            self.repro.resume_run(self.summary)

    def action_why(self) -> None:
        """Layer by layer."""
        from tui.screens.why import WhyScreen

        self.app.push_screen(WhyScreen(self.run_id))

    def action_report(self) -> None:
        """What an export would hold."""
        self.repro.open_report([self.run_id])

    def action_mark(self) -> None:
        """Mark or unmark for comparison."""
        marked = self.repro.marked
        if self.run_id in marked:
            marked.remove(self.run_id)
            self.repro.say("no longer marked for comparison")
        else:
            marked.append(self.run_id)
            self.repro.say(f"marked as {len(marked)}. for comparison: 3 compares")

    def action_log(self) -> None:
        """Go to the log."""
        log = self.query_one("#log", Log)
        log.focus()
        self.query_one("#page", VerticalScroll).scroll_to_widget(log, animate=False)
        self._to_log_until = time.monotonic() + TO_LOG_SECONDS
