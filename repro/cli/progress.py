"""Shows a run's progress on standard error: a bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from repro.base.terminal import guarded
from repro.base.text import compact, duration, one_line, rounded, share
from repro.cli.common import echo_text
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.progress import Progress
from repro.scenario.script_types import AnyScenario
from repro.scenario.types import Scenario

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

signalled = False

_STAGES = {
    "import": "importing TensorFlow",
    "build": "building the network",
    "fit": "training",
    "measure": "measuring",
    "hash": "hashing the weights",
    "program": "the program's own code",
}


@contextlib.contextmanager
def show_progress(
    run: RunDirectory,
    scenario: AnyScenario | None,
    environment: str,
    seed: int,
    *,
    plain: bool,
    position: tuple[int, int] = (1, 1),
    before: Progress | None = None,
) -> Iterator[Display]:
    """Yield what to call with each event; `before` is what a resumed run did already. A recording has no scenario."""
    title = one_line(run.id if scenario is None else f"{scenario.name} in {environment}, seed {seed}")
    if position[1] > 1:
        title = f"{position[0]}/{position[1]} {title}"
    if plain or not sys.stderr.isatty():
        yield _PlainLines(title, run, before)
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    bar = Bar(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=30),
        TextColumn("{task.fields[figures]}", markup=False),
        console=Console(stderr=True),
        transient=True,
    )
    with guarded(sys.stderr.fileno()):
        bar.start()
        try:
            yield _Bar(bar, title, scenario.fit.epochs if isinstance(scenario, Scenario) else None, before)
        finally:
            with contextlib.suppress(OSError):  # the terminal may have gone: neither this run nor the next one needs it
                bar.stop()


class Display:
    """Folds events; subclasses draw."""

    def __init__(self, before: Progress | None) -> None:
        self.progress = before or Progress()

    def __call__(self, event: events.AnyEvent) -> None:
        global signalled
        self.progress.take(event)
        if isinstance(event, events.StopRequested) and event.by.startswith("SIG"):
            signalled = True
        self.draw(event)

    def draw(self, event: events.AnyEvent) -> None:
        raise NotImplementedError

    def time_left(self) -> str:
        """Return the time left in words; "" if it is unknown."""
        seconds = self.progress.seconds_left
        return "" if seconds is None else f"{duration(seconds)} left"


class _PlainLines(Display):
    def __init__(self, title: str, run: RunDirectory, before: Progress | None) -> None:
        super().__init__(before)
        self._title = title
        self._run = run
        self._printed_at = 0.0

    def _say(self, text: str) -> None:
        echo_text(one_line(f"{self._title}: {text}", 2000), err=True)

    def draw(self, event: events.AnyEvent) -> None:
        match event:
            case events.RunStarted():
                self._say(f"run {self._run.id}")
            case events.StageStarted():
                self._say(_STAGES.get(event.stage, event.stage))
            case events.EpochFinished() if (
                self.progress.epochs <= 25 or event.epoch == self.progress.epochs or event.time - self._printed_at >= 10
            ):
                self._printed_at = event.time
                text = f"epoch {event.epoch}/{self.progress.epochs}, loss {compact(event.loss)}"
                text += f", accuracy {compact(event.accuracy)}" if event.accuracy is not None else ""
                text += f", {event.seconds:.2f} s"
                time_left = self.time_left()
                self._say(text + (f", {time_left}" if time_left else ""))
            case events.Evaluated():
                name = "evaluate" if event.phase == "inference" else "training phase"
                accuracy = f", accuracy {compact(event.accuracy)}" if event.accuracy is not None else ""
                self._say(f"epoch {event.epoch}, {name}: loss {compact(event.loss)}{accuracy}")
            case events.TracePlanned():
                self._say(f"the trace takes {event.bytes / 1e9:.2f} GB, {event.free_bytes / 1e9:.2f} GB are free")
            case events.StopRequested():
                checkpoint = "" if self.progress.training_finished else ", keeping a checkpoint"
                self._say(f"stopping ({event.by}){checkpoint}")
            case events.Warned():
                self._say(f"warning: {event.message}")
            case _:
                pass


class _Bar(Display):
    def __init__(self, bar: Bar, title: str, epochs: int | None, before: Progress | None) -> None:
        super().__init__(before)
        self._bar = bar
        self._title = title
        self._task: TaskID = bar.add_task(title, total=epochs, figures="")

    def draw(self, event: events.AnyEvent) -> None:  # noqa: ARG002 (the folded figures are drawn)
        progress = self.progress
        stage = _STAGES.get(progress.stage, "")
        figures = [f"{progress.epoch}/{progress.epochs}"]
        if progress.loss:
            accuracy = f"  acc {share(progress.accuracy[-1], 2)}" if progress.accuracy else ""
            figures.append(f"loss {rounded(progress.loss[-1], 3)}{accuracy}")
        if progress.stage == "fit":
            figures.append(self.time_left())
        else:
            figures.append(stage)
        text = "  ".join(part for part in figures if part)
        # The total moves only if a recorded program calls fit again.
        self._bar.update(self._task, total=progress.epochs, completed=progress.epoch, figures=text)
