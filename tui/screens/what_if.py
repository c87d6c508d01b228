"""What if: a traced run at another momentum and epoch. One warm worker answers; nothing is trained."""

from __future__ import annotations

import contextlib
import time
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from repro.base.errors import ReproError
from repro.base.text import one_line
from repro.explain import trace
from repro.explain.trace import TracedRun
from repro.runs.records import RunRecord
from repro.supervise.what_if import Answer, Statistics, WhatIfSession
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import ODD, reason_of, rows
from tui.viewmodels import recording_lines, what_if_lines
from tui.viewmodels.sentences import styled
from tui.viewmodels.what_if_lines import MOST_IMAGES
from tui.what_if_queue import Question, QuestionQueue
from tui.widgets.heatmap import GUTTER, LayerBars, MomentumMap
from tui.widgets.slider import Slider

LADDER = (0.0, 0.01, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
WIDEST_CELL = 9

# Answers by run directory: snapshots never change, so a screen that is opened again starts from what is known.
_answers_by_run: dict[str, dict[Question, Answer]] = {}


class WhatIfScreen(ReproScreen):
    """Sliders for momentum and epoch; predictions, loss, layers and the map follow."""

    HERE = "runs"
    TRAINS = True
    CSS_PATH = "what_if.tcss"
    HELP = (
        "Momentum does not touch training, so the batch statistics of one traced run give the moving averages of every "
        "momentum, and one forward pass gives the predictions. Left and right change the momentum, up and down the "
        "epoch (those whose weights were kept). The map below says for each cell how many images are right; it fills "
        "by itself. Debiased: the initial values are taken out of the averages. Re-estimated: one pass over the images "
        "with these weights takes the place of the averages."
    )
    # Not as tooltips: under a mouse that drags they would hide the predictions.
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "momentum": "The momentum of every BatchNormalization layer: finer steps near 1. The mouse drags it.",
        "epoch": "The epochs whose weights the traced run has kept. The mouse drags it.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "back", "Back", "what-if.back", "Go back"),
        key("up,k", "epoch(-1)", "Earlier", "what-if.earlier", "Show the epoch kept before", display="↑"),
        key("down,j", "epoch(1)", "Later", "what-if.later", "Show the epoch kept after", display="↓"),
        key("d", "statistics('debiased')", "Debiased", "what-if.debiased", "Take the initial values out, or back in"),
        key(
            *("e", "statistics('re-estimated')", "Re-estimated", "what-if.re-estimated"),
            "Take statistics from one pass over the images, or the moving ones again",
        ),
        key("a", "again", "Ask again", "what-if.again", "Start the worker again after a failure", show=False),
        key("pagedown", "page(1)", "Down", "what-if.down", "Scroll down", show=False),
        key("pageup", "page(-1)", "Up", "what-if.up", "Scroll up", show=False),
    ]

    class Answered(Message):
        """The worker answered a question of `queue`, or failed with a reason."""

        def __init__(self, queue: QuestionQueue, answer: Answer | None, reason: str = "") -> None:
            super().__init__()
            self.queue, self.answer, self.reason = queue, answer, reason

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.traced: TracedRun | None = None
        self.statistics: Statistics = "moving"
        self.answers: dict[Question, Answer] = {}
        self.failure = ""
        self.ready = False
        self._questions = QuestionQueue()
        self._oracle: WhatIfSession | None = None
        self._opened = time.monotonic()
        self.momenta: list[float] = []
        self._distances: dict[Question, list[float | None]] = {}
        self._is_replaying = False
        self.trials, self.tried = Content(""), list[str]()  # of a recording: what was tried, and the command

    def body(self) -> ComposeResult:
        yield Static("reading", id="what-if-head", markup=False)
        yield Static("", id="notice", markup=False)
        with Vertical(id="sliders"):
            yield Slider("momentum", LADDER, id="momentum")
            yield Slider("epoch", id="epoch")
            yield Static("", id="statistics", markup=False)
        with VerticalScroll(id="answers", can_focus=False):
            with Container(id="columns"):
                yield Static("", id="predictions", markup=False)
                yield Static("", id="facts", markup=False)
            yield Static("", id="map-title", markup=False)
            yield MomentumMap(id="map")
            yield Static("", id="bars-title", markup=False)
            yield LayerBars(id="bars")

    # -- reading and asking

    def on_mount(self) -> None:
        self.query_one("#momentum", Slider).focus()
        self.set_interval(0.5, self._tick)
        self._load()

    def on_unmount(self) -> None:
        self._questions.close()
        if self._oracle is not None:
            self._oracle.stop()

    @work(thread=True, group="read")
    def _load(self) -> None:
        traced: TracedRun | None = None
        record: RunRecord | None = None
        fault = ""
        run = self.session.run_directory(self.run_id)
        try:
            record = run.record()
            if record.traced:
                traced = trace.read(run)
            elif record.is_recording:
                self.trials, self.tried = recording_lines.tried(run)
        except (ReproError, OSError) as error:
            fault = reason_of(error)
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._loaded, traced, record, fault)

    def _loaded(self, traced: TracedRun | None, record: RunRecord | None, fault: str) -> None:
        if not self.is_composed:
            return
        self.traced = traced
        self.refresh_bindings()
        if traced is None:
            self._draw_notice(record, fault)
            return
        self.answers = _answers_by_run.setdefault(str(traced.run.path.absolute()), {})
        for answer in traced.measured:
            self.answers[Question(answer.momentum, answer.epoch, answer.statistics)] = answer
        self.momenta = sorted({*LADDER, traced.momentum})
        self.query_one("#momentum", Slider).fill(self.momenta, traced.momentum)
        self.query_one("#epoch", Slider).fill(traced.epochs, traced.epochs[-1])
        self.query_one("#map", MomentumMap).set_axes(
            self.momenta, traced.epochs, len(traced.record.images), traced.momentum
        )
        self._fit()
        self._moved()
        self._serve(self._questions)

    @work(thread=True, group="oracle")
    def _serve(self, questions: QuestionQueue) -> None:
        """Open the worker, hand it one question after another, close it; one thread does all of it."""
        assert self.traced is not None
        try:
            oracle = WhatIfSession(self.traced.run)
            self._oracle = oracle
            with oracle:
                while (question := questions.take()) is not None:
                    self.post_message(self.Answered(questions, oracle.ask(*question)))
        except Exception as error:
            if not questions.is_closed:
                self.post_message(self.Answered(questions, None, reason_of(error)))

    def on_what_if_screen_answered(self, message: Answered) -> None:
        if message.answer is None:
            if message.queue is self._questions:
                self.failure = message.reason
                self.refresh_bindings()
                self._questions.close()
                self.session.say(f"what-if: {self.failure}", "warning", 10)
                self._draw()
            return
        self.ready = True
        answer = message.answer
        self.answers[Question(answer.momentum, answer.epoch, answer.statistics)] = answer
        self._draw()

    def question(self, momentum: float | None = None, epoch: int | None = None) -> Question:
        """What the sliders ask, or another cell of the map; re-estimated statistics do not depend on the momentum."""
        momentum = self.query_one("#momentum", Slider).value if momentum is None else momentum
        epoch = int(self.query_one("#epoch", Slider).value) if epoch is None else epoch
        if self.statistics == "re-estimated":
            momentum = LADDER[0]
        return Question(momentum, epoch, self.statistics)

    def _moved(self) -> None:
        """Ask again: the sliders' cell first, then the map, this row and its neighbours first."""
        if self.traced is None:
            return
        chosen = self.question()
        column, row = self._cursor()
        momenta, epochs = self.momenta, self.traced.epochs
        cells = sorted(
            (abs(r - row), r, abs(c - column), c)  # row by row: another epoch's weights are 94 MB to read
            for r in range(len(epochs))
            for c in range(len(momenta))
        )
        on_map = dict.fromkeys(self.question(momenta[c], epochs[r]) for _, r, _, c in cells)
        self._questions.put(
            None if chosen in self.answers else chosen,
            [question for question in on_map if question not in self.answers and question != chosen],
        )
        words = ["what-if", self.run_id.rpartition("-")[2], "--momentum", f"{momenta[column]:g}"]
        words += ["--epoch", str(chosen.epoch)]
        words += [] if chosen.statistics == "moving" else [f"--{chosen.statistics}"]
        self.show_command(show([*words, *store_option(self.session.store_path)]))
        self._replay()
        self._draw()

    def _cursor(self) -> tuple[int, int]:
        """Column and row of the sliders on the map."""
        return self.query_one("#momentum", Slider).index, self.query_one("#epoch", Slider).index

    def _replay(self) -> None:
        """Compute the layers of the present question if they are not known; one at a time, stale ones are skipped."""
        question = self.question()
        if self._is_replaying or question in self._distances:
            return
        self._is_replaying = True
        self._replay_in_thread(question)

    @work(thread=True, group="replay")
    def _replay_in_thread(self, question: Question) -> None:
        assert self.traced is not None
        try:
            distances = trace.remaining_distances(self.traced, *question)
        except (OSError, ValueError):
            distances = []
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._replayed, question, distances)

    def _replayed(self, question: Question, distances: list[float | None]) -> None:
        self._is_replaying = False
        self._distances[question] = distances
        if self.is_composed:
            self._replay()
            self._draw_layers()

    # -- drawing

    def _tick(self) -> None:
        """The seconds that a start takes."""
        if self.is_composed and self.traced is not None and not self.ready and not self.failure:
            self._draw_facts()
            self._draw_map()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self.traced is not None:
            self.call_after_refresh(self._fit)
            self.call_after_refresh(self._draw)

    def _fit(self) -> None:
        """Sliders and map share their columns, so that the knob of the momentum stands above its cells."""
        if self.traced is None or not self.is_composed:
            return
        count = len(self.momenta)
        room = self.size.width - (0 if self.has_class("-narrow") else 4) - 1
        pitch = min(WIDEST_CELL, max(3, (room - GUTTER - (6 if room < 100 else 8)) // count))
        lead, width = pitch // 2, count * pitch
        self.query_one("#momentum", Slider).place(GUTTER, pitch, lead, width)
        epochs = self.query_one("#epoch", Slider)
        between = max(1, len(epochs.values) - 1)
        epochs.place(GUTTER, max(1, (count - 1) * pitch // between), lead, width)
        other_lines = 22 + min(len(self.traced.record.images), MOST_IMAGES)
        lines = min(3, max(1, (self.size.height - other_lines) // max(1, len(self.traced.epochs))))
        lines = lines if self.size.height >= 30 else 1
        self.query_one("#map", MomentumMap).fit(pitch, lines, headed=self.size.height >= 22)

    def _draw_notice(self, record: RunRecord | None, fault: str) -> None:
        self.add_class("-untraced")
        notice, head = self.query_one("#notice", Static), self.query_one("#what-if-head", Static)
        notice.display = True
        if record is None or record.traced:
            head.update(Content.styled(one_line(self.run_id, 120), "bold"))
            notice.update(Content.styled(one_line(fault or "this run cannot be read", 500), ODD))
            return
        head.update(what_if_lines.head(record, [], self.size.width))
        if record.is_recording:
            self.show_command(show([*self.tried, *store_option(self.session.store_path)]) if self.tried else "")
            notice.update(self.trials)
            return
        options = ["--environment", record.environment, "--seed", str(record.seed), "--trace"]
        command = show(["run", record.scenario, *options])
        self.show_command(command)
        notice.update(what_if_lines.untraced(command))

    def _draw(self) -> None:
        traced, width = self.traced, self.size.width
        if traced is None or not self.is_composed:
            return
        head = what_if_lines.head(traced.record, traced.trained_momenta, width)
        predictions = what_if_lines.predictions(traced, self.answers.get(self.question()), width)
        self.query_one("#what-if-head", Static).update(head)
        self.query_one("#statistics", Static).update(what_if_lines.statistics_choice(self.statistics, GUTTER, width))
        self.query_one("#predictions", Static).update(predictions)
        self._draw_facts()
        self._draw_layers()
        self._draw_map()

    @property
    def _seconds_starting(self) -> float | None:
        """How long the worker has been starting; None once it has answered."""
        return None if self.ready else time.monotonic() - self._opened

    def _draw_facts(self) -> None:
        assert self.traced is not None
        question, width = self.question(), self.size.width
        momentum = self.query_one("#momentum", Slider).value
        weight = trace.initial_weight(self.traced, momentum, question.epoch, question.statistics)
        answer = self.answers.get(question)
        standing = what_if_lines.standing(answer, self.failure, self._seconds_starting, width)
        self.query_one("#facts", Static).update(rows([styled(weight, width), standing]))

    def _draw_layers(self) -> None:
        distances = self._distances.get(self.question())
        if distances is None:
            return  # they come in some milliseconds; those of the question before stay until then
        self.query_one("#bars", LayerBars).show(distances)
        self.query_one("#bars-title", Static).update(what_if_lines.layers_title(distances, self.size.width))

    def _draw_map(self) -> None:
        assert self.traced is not None
        right = {
            (momentum, epoch): self.traced.count_right(answer)
            for epoch in self.traced.epochs
            for momentum in self.momenta
            if (answer := self.answers.get(self.question(momentum, epoch))) is not None
        }
        self.query_one("#map", MomentumMap).show(right, self._cursor())
        cells = len(self.traced.epochs) * len(self.momenta)
        # Without an answer at the sliders the line about the answer counts the seconds.
        is_starting = len(right) < cells and not self.failure and self.question() in self.answers
        self.query_one("#map-title", Static).update(
            what_if_lines.map_title(
                len(self.traced.record.images),
                len(right),
                cells,
                self._seconds_starting if is_starting else None,
                self.size.width,
            )
        )

    # -- keys

    @on(Slider.Changed)
    def _slider_moved(self) -> None:
        self._moved()

    def on_momentum_map_chosen(self, message: MomentumMap.Chosen) -> None:
        self.query_one("#momentum", Slider).choose(message.column)
        self.query_one("#epoch", Slider).choose(message.row)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's own name
        """Without a trace only going back makes sense."""
        if action in ("epoch", "statistics", "page") and self.traced is None:
            return None
        if action == "again" and not self.failure:
            return None
        return True

    def action_epoch(self, by: int) -> None:
        """Another epoch, whichever slider has the focus."""
        self.query_one("#epoch", Slider).action_step(by)

    def action_statistics(self, kind: Statistics) -> None:
        """That kind, or the moving ones again."""
        self.statistics = "moving" if self.statistics == kind else kind
        self._moved()

    def action_page(self, by: int) -> None:
        """Scroll what does not fit."""
        page = self.query_one("#answers", VerticalScroll)
        if by > 0:
            page.scroll_page_down(animate=False)
        else:
            page.scroll_page_up(animate=False)

    def action_again(self) -> None:
        """A new worker after one that failed."""
        if self.failure and self.traced is not None:
            self.failure, self.ready, self._opened = "", False, time.monotonic()
            self.refresh_bindings()
            self._questions = QuestionQueue()
            self._moved()
            self._serve(self._questions)
