"""Why: the layers in order: moving statistics against the batch's, and what that does to activations."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.widgets import Static

from repro.base import arrays
from repro.base.errors import InputError, ReproError
from repro.runs import layout
from repro.runs.events import BatchNormMeasured, LayerDrift
from repro.runs.progress import Progress, power
from tui.commands import show, store_option
from tui.screens.base import ReproScreen, key
from tui.text import BAD, GOOD, ODD, QUIET, bar, number, plain, rows, share
from tui.widgets.drift import style_of

PARTED_SHIFT = 0.1
PARTED_SPREAD = 1.1
WORDS_OF_A_BAR = 10  # cells of the figure beside it, and of the gaps


@dataclass(frozen=True)
class Seen:
    """What inference makes of a layer's input that training normalises to mean 0 and spread 1: medians over channels.

    `shift` = |batch mean - moving mean| / sqrt(moving variance + epsilon), in spreads;
    `spread` = sqrt((batch variance + epsilon) / (moving variance + epsilon)).
    """

    shift: float
    spread: float

    @property
    def parted(self) -> bool:
        """Whether the layer's output differs enough to matter."""
        return self.shift > PARTED_SHIFT or not (1 / PARTED_SPREAD < self.spread < PARTED_SPREAD)


def seen_by_inference(folder: Path, epoch: int, layers: list[LayerDrift], epsilon: float) -> list[Seen]:
    """For each layer, from the arrays of a run directory; InputError where they cannot be read, ValueError where they
    do not fit."""
    import numpy as np  # 60 ms; only this screen needs it

    moving, batch = (
        np.array(arrays.read(folder / f"{kind}-statistics-{epoch:07d}.npy"), np.float64) for kind in ("moving", "batch")
    )
    if moving.shape != batch.shape or moving.ndim != 1 or len(moving) != 2 * sum(layer.channels for layer in layers):
        raise ValueError("the arrays do not fit the layers")
    found, place = [], 0
    for layer in layers:
        n = layer.channels
        moving_mean, moving_variance = moving[place : place + n], moving[place + n : place + 2 * n]
        batch_mean, batch_variance = batch[place : place + n], batch[place + n : place + 2 * n]
        place += 2 * n
        deviation = np.sqrt(np.maximum(moving_variance, 0.0) + epsilon)
        shift = np.abs(batch_mean - moving_mean) / deviation
        spread = np.sqrt(np.maximum(batch_variance, 0.0) + epsilon) / deviation
        found.append(Seen(float(np.median(shift)), float(np.median(spread))))
    return found


class WhyScreen(ReproScreen):
    """Explains one run's discrepancy from its own measurements."""

    HERE = "runs"
    CSS_PATH = "why.tcss"
    HELP = (
        "In training, BatchNormalization subtracts the batch's mean and divides by its spread. In inference it uses "
        "moving averages. 'Left' is the share of the way from the initial value to the batch statistic still to go. "
        "'Mean off' and 'spread' on the right are what inference makes of an input that training turns into mean 0 and "
        "spread 1, layer by layer. Left and right change the epoch."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "layers": "The layers in their order: up, down and the page keys scroll them.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "back", "Back", "why.back", "Go back"),
        key("m", "momentum", "Momentum", "why.momentum", "Show what another momentum would have given"),
        key("left,h", "epoch(-1)", "Earlier", "why.earlier", "Show the epoch measured before", display="←"),
        key("right,l", "epoch(1)", "Later", "why.later", "Show the epoch measured after", display="→"),
        key("f", "first", "Where they part", "why.first", "Go to the first layer where the paths part"),
        key("e", "report", "Report", "why.report", "Show what an export would hold"),
    ]

    def __init__(self, run_id: str) -> None:
        super().__init__()
        self.run_id = run_id
        self.progress: Progress | None = None
        self.epochs: list[int] = []
        self.place = -1
        self.seen: dict[int, list[Seen]] = {}
        self.fault = ""
        self._first = -1

    def body(self) -> ComposeResult:
        yield Static("reading", id="why-head", markup=False)
        yield Static("", id="why-columns", markup=False)
        with VerticalScroll(id="layers"):
            yield Static("", id="rows", markup=False)

    def on_mount(self) -> None:
        self.query_one("#layers", VerticalScroll).focus()
        self.show_command(show(["show", self.run_id.rpartition("-")[2], *store_option(self.repro.store_path)]))
        self._load()

    @work(thread=True)
    def _load(self) -> None:
        run = self.repro.run_directory(self.run_id)
        seen: dict[int, list[Seen]] = {}
        progress: Progress | None = None
        fault = ""
        try:
            progress = run.progress()
            epsilon = _epsilon(progress.fingerprint)
            for epoch, measured in progress.drift.items():
                with contextlib.suppress(InputError, ValueError):
                    seen[epoch] = seen_by_inference(run.file(layout.ARRAYS), epoch, measured.layers, epsilon)
        except (ReproError, OSError) as error:
            fault = str(error)
        with contextlib.suppress(RuntimeError):
            self.app.call_from_thread(self._loaded, progress, seen, fault)

    def _loaded(self, progress: Progress | None, seen: dict[int, list[Seen]], fault: str) -> None:
        if not self.is_composed:
            return
        self.progress, self.seen, self.fault = progress, seen, fault
        self.epochs = sorted(progress.drift) if progress else []
        self._draw()
        self.refresh_bindings()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self.progress is not None:
            self._draw()

    def _draw(self) -> None:
        if not self.is_composed:
            return
        head = self.query_one("#why-head", Static)
        if not self.epochs or self.progress is None:
            text = plain(self.fault, 300) or "This run measured no BatchNormalization layer."
            head.update(Content.styled(text, ODD))
            self.query_one("#rows", Static).update("")
            return
        self.place %= len(self.epochs)
        epoch = self.epochs[self.place]
        measured = self.progress.drift[epoch]
        seen = self.seen.get(epoch)
        self._first = next((i for i, one in enumerate(seen or []) if one.parted), -1)
        head.update(self._head(epoch, measured, seen))
        width = self.size.width
        most = 30 if width >= 80 else 18
        name = max([len("layer"), *(len(plain(layer.name, most)) for layer in measured.layers)])
        room = width - 5 - (4 + name) - 46 - 19  # edges and scroll bar, name, the four statistics, what inference sees
        wide = room >= 2 * (WORDS_OF_A_BAR + 4)
        bars = min(8, room // 2 - WORDS_OF_A_BAR) if wide else 7 if width >= 80 else 0
        self.query_one("#why-columns", Static).update(Content.styled(_columns(name, bars, wide), QUIET))
        lines = [
            self._row(layer, seen[i] if seen else None, i == self._first, name, bars, wide)
            for i, layer in enumerate(measured.layers)
        ]
        self.query_one("#rows", Static).update(rows(lines))

    def _head(self, epoch: int, measured: BatchNormMeasured, seen: list[Seen] | None) -> Content:
        assert self.progress is not None
        summary = self.repro.summaries.get(self.run_id)
        name = f"{summary.scenario}  {summary.environment}  seed {summary.seed}" if summary else self.run_id
        training = self.progress.evaluations.get(("training", epoch))
        inference = self.progress.evaluations.get(("inference", epoch))
        roomy = self.size.width >= 80
        others = f"  (← → of {len(self.epochs)} measured)" if roomy and len(self.epochs) > 1 else ""
        lines = [Content.assemble((plain(name, 100), "bold"), f"   after epoch {epoch}", (others, QUIET))]
        if training is not None and inference is not None:
            same = float(training.accuracy) == float(inference.accuracy)
            lines.append(
                Content.assemble(
                    "Same weights, same images: accuracy ",
                    (number(training.accuracy), GOOD),
                    " in training, ",
                    (number(inference.accuracy), GOOD if same else BAD),
                    " in inference.",
                )
            )
        momentum, updates = measured.momentum, measured.updates
        weight = measured.initial_weight
        arrives = ""
        if roomy and 0 < momentum < 1 and weight > 0.01:
            arrives = f"; under 1 % after {_updates_to(momentum, 0.01)}"
        # Nothing is left of them where the averages are debiased or were estimated anew.
        formula = f"{number(momentum)}^{updates} = " if weight == power(momentum, updates) else ""
        lines.append(
            Content.assemble(
                "Initial values weigh ",
                (f"{formula}{number(weight)}", f"bold {GOOD if weight < 0.05 else BAD}"),
                f" after {updates} update{'s' if updates != 1 else ''}",
                (arrives, QUIET),
                ".",
            )
        )
        if seen is None:
            lines.append(
                Content.styled("The run holds no arrays for this epoch: the last two columns stay empty.", QUIET)
            )
        elif self._first < 0:
            lines.append(Content.styled("✓ At no layer do the two paths part by more than a tenth.", GOOD))
        else:
            one, layer = seen[self._first], measured.layers[self._first]
            lines.append(
                Content.assemble(
                    "The two paths part at layer ",
                    (f"{self._first + 1}, {plain(layer.name, 40)}", f"bold {BAD}"),
                    ": training sees mean 0 and spread 1, inference a " if self.size.width >= 132 else ": ",
                    f"mean off by {_compact(one.shift)}, spread {_compact(one.spread)}.",
                )
            )
        return rows(lines)

    @staticmethod
    def _row(layer: LayerDrift, seen: Seen | None, first: bool, name: int, bars: int, wide: bool) -> Content:
        def left(value: Any) -> list[tuple[str, str]]:
            figure = None if value is None else float(value)
            return [(bar(figure, bars), style_of(figure)), (f" {share(figure):<{8 if bars else 6}} ", "")]

        parts: list[tuple[str, str]] = [
            ("▶ " if first else "  ", f"bold {BAD}"),
            (f"{plain(layer.name, name):<{name}}  ", "bold" if first else ""),
            *left(layer.mean),
            *left(layer.variance),
        ]
        if wide:
            mean = f"{_compact(layer.moving_mean):>9} | {_compact(layer.batch_mean):<9}"
            variance = f"{_compact(layer.moving_variance):>9} | {_compact(layer.batch_variance):<9}"
            parts.append((f"{mean}  {variance}  ", QUIET))
        if seen is not None:
            style = BAD if seen.parted else GOOD
            room = 9 if bars else 7
            parts.append((f"{_three(seen.shift):>{room}} {_three(seen.spread):>{room}}", style))
        return Content.assemble(*parts)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that lead nowhere are shown as such; where one epoch was measured, none leads to another."""
        if action == "epoch":
            place = self.place % len(self.epochs) if self.epochs else 0
            possible = 0 <= place + int(str(parameters[0])) < len(self.epochs)
            return True if possible else None if len(self.epochs) > 1 else False
        if action == "first":
            return True if self._first >= 0 else None
        return True

    def action_epoch(self, by: int) -> None:
        """Another measured epoch."""
        if self.epochs:
            self.place = min(max(self.place % len(self.epochs) + by, 0), len(self.epochs) - 1)
            self._draw()
            self.refresh_bindings()

    def action_first(self) -> None:
        """Scroll to where the two paths part."""
        if self._first >= 0:
            self.query_one("#layers", VerticalScroll).scroll_to(y=max(0, self._first - 3), animate=False)

    def action_momentum(self) -> None:
        """Another momentum, without training."""
        from tui.screens.what_if import WhatIfScreen

        self.app.push_screen(WhatIfScreen(self.run_id))

    def action_report(self) -> None:
        """What an export would hold."""
        self.repro.open_report([self.run_id])


def _columns(name: int, bars: int, wide: bool) -> str:
    """The head of the table; where there is room for all columns, with what each group of them is about."""
    if not bars:
        return f"  {'layer':<{name}}   {'mean':<6}  {'var.':<6} {'off':>7} {'spread':>7}"
    seen = f"{'mean off':>9} {'spread':>9}"
    if not wide:
        return f"  {'layer':<{name}}  {'left of mean':<{bars + 8}}  {'of variance':<{bars + 8}}  {seen}"
    pair = f"{'moving':>9} | {'batch':<9}"
    left = 2 * (bars + 8) + 2
    return (
        f"{'':<{name + 4}}{'way left':<{left}}  {'mean':^21}  {'variance':^21}  {'in inference':>19}\n"
        f"  {'layer':<{name}}  {'of mean':<{bars + 8}}  {'of variance':<{bars + 8}}  {pair}  {pair}  {seen}"
    )


def _epsilon(fingerprint: dict[str, Any]) -> float:
    found = fingerprint.get("epsilon")
    if isinstance(found, list) and found:
        found = found[0]
    return float(found) if isinstance(found, int | float) else 1e-3


def _updates_to(momentum: float, weight: float) -> int:
    """Updates after which the initial value weighs less than `weight`."""
    import math

    return math.ceil(math.log(weight) / math.log(momentum))


def _three(value: float) -> str:
    return f"{value:.3f}" if 0.0005 <= value < 1000 else f"{value:.1e}"


def _compact(value: Any) -> str:
    number_ = float(value)
    return f"{number_:.3g}" if abs(number_) < 1e5 else f"{number_:.1e}"
