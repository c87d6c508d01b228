"""What if: a traced run at another momentum and epoch. One warm worker answers; nothing is trained."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from typing import Any, ClassVar

import msgspec
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import Static

from repro.base.errors import ReproError
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.progress import prediction
from repro.runs.records import RunRecord
from repro.supervise.what_if import Answer, Oracle, Statistics, require_traced, snapshots
from tui.commands import show, store_option
from tui.screens.base import ReproScreen, key
from tui.text import BAD, BAR, BUSY, GOOD, ODD, QUIET, bar, number, plain, rows, share
from tui.what_if_queue import Question, Questions
from tui.widgets.heatmap import GUTTER, LayerBars, MomentumMap, shade
from tui.widgets.slider import Slider

LADDER = (0.0, 0.01, 0.1, 0.25, 0.5, 0.7, 0.8, 0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
MOST_IMAGES = 6
WIDEST_CELL = 9

# Answers by run directory: snapshots never change, so a screen that is opened again starts from what is known.
_known: dict[str, dict[Question, Answer]] = {}


@dataclass
class Traced:
    """What the screen needs of a traced run, read once."""

    run: RunDirectory
    record: RunRecord
    epochs: list[int]
    momenta_trained: list[float]
    rule: str
    channels: list[int]
    steps_per_epoch: int
    measured: list[Answer] = field(default_factory=list)

    @property
    def momentum(self) -> float:
        """The run's own; the largest where its layers differ."""
        return self.momenta_trained[-1]

    @property
    def momenta(self) -> list[float]:
        """The ladder, with the run's own momentum."""
        return sorted({*LADDER, self.momentum})


def read(run: RunDirectory) -> Traced:
    """Read it; ReproError where the run cannot answer, OSError, ValueError or KeyError where files are damaged."""
    record = require_traced(run)
    head = msgspec.json.decode(run.file(layout.TRACE_HEADER).read_bytes())
    scenario = run.require_scenario()
    traced = Traced(
        run=run,
        record=record,
        epochs=snapshots(run),
        momenta_trained=sorted({float(momentum) for momentum in head.get("momenta") or [head["momentum"]]}),
        rule=str(head["update_rule"]),
        channels=[int(count) for count in head["channels"]],
        steps_per_epoch=-(-len(record.images) // scenario.fit.batch_size),
    )
    if len(traced.momenta_trained) > 1:
        return traced  # what it measured is no answer at one momentum
    progress = run.progress()
    labels = [image.label for image in record.images]
    for epoch, predicted in progress.predictions.items():
        evaluated = progress.evaluations.get(("inference", epoch))
        if epoch in traced.epochs and evaluated is not None:
            traced.measured.append(
                Answer(
                    momentum=traced.momentum,
                    epoch=epoch,
                    statistics="moving",
                    exact=True,
                    predict=msgspec.to_builtins(prediction(predicted.probabilities, labels)),
                    evaluate={"loss": evaluated.loss, "accuracy": evaluated.accuracy},
                    seconds=0.0,
                )
            )
    return traced


def way_left(traced: Traced, question: Question) -> list[float | None]:
    """For each layer, share of the initial distance to the last step's batch statistics; no network needed."""
    import numpy as np  # 60 ms; only what-if needs it here

    from repro.worker import batch_norm as worker_code

    batch_norm: Any = worker_code  # Python 3.6's, without annotations
    updates = question.epoch * traced.steps_per_epoch
    columns = 2 * sum(traced.channels)
    table = np.memmap(traced.run.file(layout.TRACE), np.float32, "r")[: updates * columns]
    table = table.reshape(updates, columns)  # ValueError where the trace ends before
    batch = np.array(table[-1])
    if question.statistics == "re-estimated":
        moving = batch
    else:
        moving = batch_norm.replay(table, traced.channels, question.momentum, traced.rule)
    if question.statistics == "debiased":
        moving = batch_norm.debias(moving, traced.channels, question.momentum, updates)
    found: list[float | None] = []
    pairs = zip(
        batch_norm.unflatten(moving, traced.channels), batch_norm.unflatten(batch, traced.channels), strict=True
    )
    for (mean, variance), (batch_mean, batch_variance) in pairs:
        left = [
            batch_norm.remaining(mean, batch_mean, batch_norm.INITIAL_MEAN),
            batch_norm.remaining(variance, batch_variance, batch_norm.INITIAL_VARIANCE),
        ]
        values = [value for value in left if value is not None]
        found.append(sum(values) / len(values) if values else None)
    return found


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

    class Came(Message):
        """The worker answered, or failed with a reason."""

        def __init__(self, asked: Questions, answer: Answer | None, reason: str = "") -> None:
            super().__init__()
            self.asked, self.answer, self.reason = asked, answer, reason

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.traced: Traced | None = None
        self.statistics: Statistics = "moving"
        self.answers: dict[Question, Answer] = {}
        self.failure = ""
        self.ready = False
        self._questions = Questions()
        self._oracle: Oracle | None = None
        self._opened = time.monotonic()
        self._layers: dict[Question, list[float | None]] = {}
        self._replaying = False

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
        found: Traced | None = None
        record: RunRecord | None = None
        fault = ""
        run = self.repro.run_directory(self.run_id)
        try:
            record = run.record()
            if record.traced:
                found = read(run)
        except (ReproError, OSError, ValueError, KeyError, TypeError) as error:
            fault = _reason(error)
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._loaded, found, record, fault)

    def _loaded(self, found: Traced | None, record: RunRecord | None, fault: str) -> None:
        if not self.is_composed:
            return
        self.traced = found
        self.refresh_bindings()
        if found is None:
            self._draw_notice(record, fault)
            return
        self.answers = _known.setdefault(str(found.run.path.absolute()), {})
        for answer in found.measured:
            self.answers[Question(answer.momentum, answer.epoch, answer.statistics)] = answer
        momenta = found.momenta
        self.query_one("#momentum", Slider).fill(momenta, found.momentum)
        self.query_one("#epoch", Slider).fill(found.epochs, found.epochs[-1])
        self.query_one("#map", MomentumMap).set_axes(momenta, found.epochs, len(found.record.images), found.momentum)
        self._fit()
        self._moved()
        self._serve(self._questions)

    @work(thread=True, group="oracle")
    def _serve(self, questions: Questions) -> None:
        """Open the worker, hand it one question after another, close it; one thread does all of it."""
        assert self.traced is not None
        try:
            oracle = Oracle(self.traced.run)
            self._oracle = oracle
            with oracle:
                while (question := questions.take()) is not None:
                    self.post_message(self.Came(questions, oracle.ask(*question)))
        except Exception as error:
            if not questions.closed:
                self.post_message(self.Came(questions, None, _reason(error)))

    def on_what_if_screen_came(self, message: Came) -> None:
        if message.answer is None:
            if message.asked is self._questions:
                self.failure = message.reason
                self.refresh_bindings()
                self._questions.close()
                self.repro.say(f"what-if: {self.failure}", "warning", 10)
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
        """Ask anew: the sliders' cell first, then the map, this row and its neighbours first."""
        if self.traced is None:
            return
        here = self.question()
        column, row = self.query_one("#momentum", Slider).index, self.query_one("#epoch", Slider).index
        cells = sorted(
            (abs(r - row), r, abs(c - column), c)  # row by row: another epoch's weights are 94 MB to read
            for r in range(len(self.traced.epochs))
            for c in range(len(self.traced.momenta))
        )
        momenta, epochs = self.traced.momenta, self.traced.epochs
        others = dict.fromkeys(self.question(momenta[c], epochs[r]) for _, r, _, c in cells)
        self._questions.want(
            None if here in self.answers else here,
            [one for one in others if one not in self.answers and one != here],
        )
        words = ["what-if", self.run_id.rpartition("-")[2], "--momentum", f"{momenta[column]:g}"]
        words += ["--epoch", str(here.epoch), *([] if here.statistics == "moving" else [f"--{here.statistics}"])]
        self.show_command(show([*words, *store_option(self.repro.store_path)]))
        self._replay()
        self._draw()

    def _replay(self) -> None:
        """See that the layers of the present question are known; one replay at a time, stale ones are never begun."""
        question = self.question()
        if self._replaying or question in self._layers:
            return
        self._replaying = True
        self._replay_in_thread(question)

    @work(thread=True, group="replay")
    def _replay_in_thread(self, question: Question) -> None:
        assert self.traced is not None
        try:
            left = way_left(self.traced, question)
        except (OSError, ValueError):
            left = []
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._replayed, question, left)

    def _replayed(self, question: Question, left: list[float | None]) -> None:
        self._replaying = False
        self._layers[question] = left
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
        count = len(self.traced.momenta)
        room = self.size.width - (0 if self.has_class("-narrow") else 4) - 1
        pitch = min(WIDEST_CELL, max(3, (room - GUTTER - (6 if room < 100 else 8)) // count))
        lead, width = pitch // 2, count * pitch
        self.query_one("#momentum", Slider).place(GUTTER, pitch, lead, width)
        epochs = self.query_one("#epoch", Slider)
        between = max(1, len(epochs.values) - 1)
        epochs.place(GUTTER, max(1, (count - 1) * pitch // between), lead, width)
        taken = 22 + min(len(self.traced.record.images), MOST_IMAGES)
        lines = (self.size.height - taken) // max(1, len(self.traced.epochs))
        self.query_one("#map", MomentumMap).fit(
            pitch, min(3, max(1, lines)) if self.size.height >= 30 else 1, headed=self.size.height >= 22
        )

    def _draw_notice(self, record: RunRecord | None, fault: str) -> None:
        self.add_class("-untraced")
        notice = self.query_one("#notice", Static)
        notice.display = True
        lines = []
        if record is not None and not record.traced:
            self.query_one("#what-if-head", Static).update(self._head(record))
            words = [*("run", record.scenario, "--environment", record.environment), "--seed", str(record.seed)]
            command = show([*words, "--trace"])
            self.show_command(command)
            lines = [
                Content("This run was not traced, so it cannot say what another momentum would have given."),
                Content(""),
                Content("A traced run keeps the batch statistics of every step and the weights of some epochs:"),
                Content(""),
                Content.assemble(("  $ ", QUIET), (plain(command, 500), "bold")),
                Content(""),
                Content.styled("Training is the same, bit for bit, and costs at most a twentieth more time.", QUIET),
            ]
        else:
            self.query_one("#what-if-head", Static).update(Content.styled(plain(self.run_id, 120), "bold"))
            lines = [Content.styled(plain(fault or "this run cannot be read", 500), ODD)]
        notice.update(rows(lines))

    def _head(self, record: RunRecord) -> Content:
        parts: list[tuple[str, str]] = [
            (plain(record.scenario, 60), "bold"),
            (f"  {plain(record.environment, 40)}  seed {record.seed}", QUIET),
        ]
        if self.traced is not None:
            what_if = ": what if it had been another?" if self.size.width >= 100 else ""
            own = ", ".join(f"{momentum:g}" for momentum in self.traced.momenta_trained[:3])
            more = ", ..." if len(self.traced.momenta_trained) > 3 else ""
            parts.append((f"   trained at momentum {own}{more}{what_if}", ""))
        return Content.assemble(*parts)

    def _draw(self) -> None:
        if self.traced is None or not self.is_composed:
            return
        self.query_one("#what-if-head", Static).update(self._head(self.traced.record))
        self.query_one("#statistics", Static).update(self._statistics_line())
        self.query_one("#predictions", Static).update(self._predictions(self.answers.get(self.question())))
        self._draw_facts()
        self._draw_layers()
        self._draw_map()

    def _statistics_line(self) -> Content:
        room = self.size.width >= 80
        parts: list[tuple[str, str]] = [(f"  {'inference':<{GUTTER - 2}} " if room else "", QUIET)]
        for name, hint in (("moving", ""), ("debiased", "d"), ("re-estimated", "e")):
            chosen = name == self.statistics
            parts.append((f"({'●' if chosen else ' '}) {name} ", "bold" if chosen else ""))
            parts.append((f"{hint}   " if hint else "  ", "bold $footer-key-foreground"))
        return Content.assemble(*parts)

    def _predictions(self, answer: Answer | None) -> Content:
        assert self.traced is not None
        images = self.traced.record.images
        width = max([5, *(len(plain(image.name, 24)) for image in images[:MOST_IMAGES])])
        lines = []
        for i, image in enumerate(images[:MOST_IMAGES]):
            parts: list[tuple[str, str]] = [
                (f"{plain(image.name, 24):<{width}}  ", "bold"),
                (f"label {image.label}  ", QUIET),
            ]
            if answer is None:
                parts.append(("·", QUIET))
            else:
                chosen = answer.predict["classes"][i]
                p = float(answer.predict["probabilities"][i][chosen])
                good = chosen == image.label
                parts.append(
                    (f"{'✓' if good else '✗'} class {chosen} {'right' if good else 'wrong'}  ", GOOD if good else BAD)
                )
                parts += [(bar(p, 10 if self.size.width >= 80 else 6), BAR), (f" {share(p)}", "")]
            lines.append(Content.assemble(*parts))
        if len(images) > MOST_IMAGES:
            lines.append(Content.styled(f"and {len(images) - MOST_IMAGES} more images", QUIET))
        if answer is None:
            lines.append(Content.styled("loss ·  accuracy ·", QUIET))
        else:
            right = self._right(answer)
            style = GOOD if right == len(images) else BAD
            lines.append(
                Content.assemble(
                    (f"{right} of {len(images)} right", f"bold {style}"),
                    ("   loss ", QUIET),
                    number(answer.evaluate["loss"]),
                    ("   accuracy ", QUIET),
                    share(answer.evaluate["accuracy"]),
                )
            )
        return rows(lines)

    def _right(self, answer: Answer) -> int:
        assert self.traced is not None
        labels = [image.label for image in self.traced.record.images]
        return sum(a == b for a, b in zip(answer.predict["classes"], labels, strict=False))

    def _draw_facts(self) -> None:
        assert self.traced is not None
        question = self.question()
        updates = question.epoch * self.traced.steps_per_epoch
        momentum = self.query_one("#momentum", Slider).value
        weight = momentum**updates
        gone = question.statistics != "moving"
        lines = [
            Content.assemble(
                "The initial values weigh ",
                (f"{momentum:g}^{updates} = {number(weight)}", f"bold {GOOD if weight < 0.05 or gone else BAD}"),
                "; taken out here." if question.statistics == "debiased" else "; not used here." if gone else ".",
            ),
            self._standing(self.answers.get(question)),
        ]
        self.query_one("#facts", Static).update(rows(lines))

    def _standing(self, answer: Answer | None) -> Content:
        """How far the answer can be trusted; or what is being waited for."""
        if answer is None and self.failure:
            return Content.styled(f"! No answer: {plain(self.failure, 300)}.  a asks again", ODD)
        if answer is None and not self.ready:
            seconds = time.monotonic() - self._opened
            return Content.styled(f"● starting TensorFlow, once for all questions … {seconds:.0f} s", BUSY)
        if answer is None:
            return Content.styled("● asking the network …", BUSY)
        if answer.statistics == "debiased":
            return Content.styled("≠ No run predicts so: the averages without their initial values.", ODD)
        if answer.statistics == "re-estimated":
            return Content.styled("≠ No run predicts so: statistics of one pass with these weights.", ODD)
        if not answer.seconds:
            return Content.styled("= Exact: measured in this very run.", GOOD)
        if answer.exact:
            return Content.styled("= Exact: bit for bit what training at this momentum gives.", GOOD)
        return Content.styled("≈ Close, not bit for bit: this environment rounds each update otherwise.", ODD)

    def _draw_layers(self) -> None:
        left = self._layers.get(self.question())
        if left is None:
            return  # what stands there is replaced in some milliseconds
        values = sorted(value for value in left if value is not None)
        middle = values[len(values) // 2] if values else None
        self.query_one("#bars", LayerBars).show(left)
        legend = ": 1 as at the start, 0 at the batch statistics" if self.size.width >= 100 else ""
        text = f"median {share(middle)}{legend}" if left else "the trace cannot be read"
        self.query_one("#bars-title", Static).update(
            Content.assemble(("Way left, layer by layer", "bold $text-accent"), (f"   {text}", QUIET))
        )

    def _draw_map(self) -> None:
        assert self.traced is not None
        right = {}
        for epoch in self.traced.epochs:
            for momentum in self.traced.momenta:
                answer = self.answers.get(self.question(momentum, epoch))
                if answer is not None:
                    right[momentum, epoch] = self._right(answer)
        cursor = (self.query_one("#momentum", Slider).index, self.query_one("#epoch", Slider).index)
        self.query_one("#map", MomentumMap).show(right, cursor)
        count = len(self.traced.epochs) * len(self.traced.momenta)
        asked = f"{len(right)} of {count} known" if len(right) < count else "complete"
        if len(right) < count and not self.ready and not self.failure and self.question() in self.answers:
            asked += f"; starting TensorFlow … {time.monotonic() - self._opened:.0f} s"
        title = f"Images right of {len(self.traced.record.images)}"
        legend = Content("   ") + Content(" ").join(
            Content.assemble((mark, style), (f" {name}", QUIET))
            for name, (mark, style) in {
                "all": shade(1),
                "most": shade(0.5),
                "few": shade(0.1),
                "none": shade(0),
            }.items()
        )
        if len(title) + legend.cell_length + len(asked) + 9 > self.size.width:
            legend = Content("")
        self.query_one("#map-title", Static).update(
            Content.assemble(
                (title, "bold $text-accent"), legend, ("   ", ""), (asked, QUIET if len(right) == count else BUSY)
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
            self._questions = Questions()
            self._moved()
            self._serve(self._questions)


def _reason(error: Exception) -> str:
    text = str(error)
    return text if isinstance(error, ReproError) and text else f"{type(error).__name__}: {text or 'no reason given'}"
