"""Rates over seeds: a sweep as it goes on, or as it ended; its runs; stop and go on."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.geometry import Region
from textual.message import Message
from textual.widgets import Static

from repro.base.text import one_line
from repro.runs.store import Store
from repro.scenario.types import Scenario
from repro.sweep.record import SweepRecord
from tui.commands import show, store_option
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import BUSY, ODD, QUIET, rows
from tui.viewmodels.sweeps import SweepSnapshot, SweepWatcher, group_lines, heading, run_line, summary_line

_DISPLAY_OPTIONS = ("--plain", "--json")


def question(command: Sequence[str]) -> list[str]:
    """Words of a sweep's command without how it was shown and where the store is."""
    words, kept = iter(command[1:]), []
    for word in words:
        if word == "--store":
            next(words, None)
        elif word not in _DISPLAY_OPTIONS and not word.startswith("--store="):
            kept.append(word)
    return kept


class SweepsScreen(ReproScreen):
    """The sweeps of the store, one at a time."""

    HERE = "library"
    CSS_PATH = "sweeps.tcss"
    HELP = (
        "How often each claim held over the seeds. ● is the rate, ├─┤ the interval in which the true rate lies with "
        "95 % confidence (Wilson): few seeds make it wide. A claim that was not measured (open) did not hold. The "
        "signs behind 'seed' are the runs: ✓ reproduced, ✗ not, ● running, ○ waiting; the arrow keys move the "
        "brackets, enter opens that run. A sweep is a process of its own: it goes on when you leave. x stops it with "
        "checkpoints, r goes on from there."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        key("escape", "back", "Back", "sweep.back", "Go back"),
        key("enter", "open", "Run", "sweep.open", "Open the run in brackets", display="enter"),
        key("x", "stop", "Stop", "sweep.stop", "Stop the sweep; its runs keep checkpoints"),
        key("r", "resume", "Go on", "sweep.resume", "Go on with the sweep from where it ended"),
        key("s", "new", "New", "sweep.new", "Ask for another sweep"),
        key("p", "turn(1)", "Earlier", "sweep.earlier", "Show the sweep before"),
        key("n", "turn(-1)", "Later", "sweep.later", "Show the sweep after"),
        key("left,h", "seed(-1)", "Seed before", "sweep.left", "Go to the seed before", show=False),
        key("right,l", "seed(1)", "Next seed", "sweep.right", "Go to the next seed", show=False),
        key("up,k", "group(-1)", "Before", "sweep.up", "Go to the scenario before", show=False),
        key("down,j", "group(1)", "Next", "sweep.down", "Go to the next scenario", show=False),
    ]

    class Changed(Message):
        """The sweep is not as it was."""

        def __init__(self, snapshot: SweepSnapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

    def __init__(self, possible: Callable[[], Mapping[str, Scenario]]) -> None:
        super().__init__()
        self._possible = possible
        self.snapshot: SweepSnapshot | None = None
        self.group = 0
        self.seed = 0
        self._watcher: SweepWatcher | None = None

    def body(self) -> ComposeResult:
        yield Static(Content.styled("reading", QUIET), id="sweep-head", markup=False)
        yield Static("", id="sweep-columns", markup=False)
        with VerticalScroll(id="groups"):
            yield Static("", id="rates", markup=False)
        yield Static("", id="sweep-run", markup=False)

    def on_mount(self) -> None:
        self.query_one("#groups", VerticalScroll).can_focus = False
        self._watcher = SweepWatcher(Store(self.session.store_path), self._publish)
        threading.Thread(target=self._watcher.run, name="sweeps", daemon=True).start()

    def on_unmount(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()

    def _publish(self, snapshot: SweepSnapshot) -> None:
        with contextlib.suppress(RuntimeError):  # the program is ending
            self.post_message(self.Changed(snapshot))

    def on_sweeps_screen_changed(self, message: Changed) -> None:
        before = self.record
        self.snapshot = message.snapshot
        if before is None or self.record is None or before.id != self.record.id:
            self.group = self.seed = 0
        self._draw()

    @property
    def record(self) -> SweepRecord | None:
        """What is known of the sweep that is shown."""
        return self.snapshot.record if self.snapshot is not None else None

    def store_changed(self) -> None:
        if self.snapshot is not None:
            self._draw()

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.store_changed)

    # -- drawing

    def _draw(self) -> None:
        if not self.is_composed or self.snapshot is None:
            return
        head, record = self.query_one("#sweep-head", Static), self.record
        self.set_class(record is None, "-empty")
        if record is None:
            self.put(head, self._nothing())
            self.show_command("")
            return
        width = max(40, self.query_one("#groups").scrollable_content_region.width or self.size.width)
        lines = [self._title(record), summary_line(self.snapshot, width)]
        if record.reason:
            lines.append(Content.styled(one_line(record.reason, 300), ODD))
        if self.snapshot.state != "running" and (queued := self._queued()):
            lines.append(queued)
        self.put(head, rows(lines))
        self.put(self.query_one("#sweep-columns", Static), heading(width))
        body: list[Content] = []
        self._place = 0
        for index, group in enumerate(record.groups):
            if index == self.group:
                self._place = len(body)
            body += [*group_lines(group, width, self.seed if index == self.group else None), Content("")]
        self.put(self.query_one("#rates", Static), rows(body[:-1]))
        self._draw_run(record)
        self.show_command(show([*question(record.command), *store_option(self.session.store_path)]))
        self.refresh_bindings()

    def _nothing(self) -> Content:
        assert self.snapshot is not None
        if self.snapshot.fault:
            return Content.styled(self.snapshot.fault, ODD)
        return self._queued() or Content.styled("No sweeps yet.  s asks which rates you want.", QUIET)

    def _queued(self) -> Content | None:
        """A sweep that has not begun."""
        tickets = [ticket for ticket in self.session.queue.tickets if ticket.arguments[:1] == ["sweep"]]
        if not tickets:
            return None
        if tickets[0].started:
            return Content.styled(f"● {tickets[0].heading} begins", BUSY)
        return Content.styled(f"○ {tickets[0].heading} waits until nothing else runs", BUSY)

    def _title(self, record: SweepRecord) -> Content:
        names = list(dict.fromkeys(group.scenario for group in record.groups))
        return Content.assemble(("Rates over seeds", "bold"), (f"   {one_line(', '.join(names), 200)}", ""))

    def _draw_run(self, record: SweepRecord) -> None:
        assert self.snapshot is not None
        run = record.groups[self.group].runs[self.seed]
        self.put(self.query_one("#sweep-run", Static), run_line(run, self.snapshot.running.get(run.run or "")))

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that make no sense now are shown as such."""
        record = self.record
        if action in ("open", "stop", "resume", "turn") and (record is None or self.snapshot is None):
            return None
        if record is None or self.snapshot is None:
            return True
        if action == "stop":
            return True if self.snapshot.state == "running" else None
        if action == "resume":
            return True if self.snapshot.state in ("stopped", "interrupted") else None
        if action == "turn":
            return True if 0 <= self._turned(int(str(parameters[0]))) < len(self.snapshot.ids) else None
        if action == "open":
            return True if self._run_id() is not None else None
        return True

    def _turned(self, by: int) -> int:
        assert self.snapshot is not None and self.record is not None
        return self.snapshot.ids.index(self.record.id) + by

    def _run_id(self) -> str | None:
        record = self.record
        run_id = record.groups[self.group].runs[self.seed].run if record is not None else None
        return run_id if run_id in self.session.summaries else None

    def action_seed(self, by: int) -> None:
        """The run beside."""
        if self.record is not None:
            last = len(self.record.groups[self.group].runs) - 1
            self.seed = min(max(self.seed + by, 0), last)
            self._draw()

    def action_group(self, by: int) -> None:
        """The scenario or environment before or after."""
        if self.record is None:
            return
        self.group = min(max(self.group + by, 0), len(self.record.groups) - 1)
        self.seed = min(self.seed, len(self.record.groups[self.group].runs) - 1)
        self._draw()
        height = 3 + len(self.record.groups[self.group].claims)
        region = Region(0, self._place, 1, height)
        self.query_one("#groups", VerticalScroll).scroll_to_region(region, animate=False, force=True)

    def action_turn(self, by: int) -> None:
        """Another sweep."""
        if self.snapshot is not None and self._watcher is not None:
            self._watcher.choose(self.snapshot.ids[self._turned(by)])

    def action_open(self) -> None:
        """Open the run."""
        run_id = self._run_id()
        if run_id is not None:
            self.program.open_run(run_id)

    def action_stop(self) -> None:
        """Ask the sweep to end."""
        if self.record is not None:
            self.session.stop_sweep(self.record.id)

    def action_resume(self) -> None:
        """The same command again."""
        if self.record is not None and self.session.queue.start_sweep(question(self.record.command)):
            self.show_newest()

    def show_newest(self) -> None:
        """Turn to the newest sweep, also to one that comes."""
        if self._watcher is not None:
            self._watcher.choose(None)

    def action_new(self) -> None:
        """Ask for another one, with the same choices."""
        from tui.screens.sweep_ask import ask_for_sweep

        record = self.record
        groups = record.groups if record is not None else []
        names = list(dict.fromkeys(group.scenario for group in groups))
        environments = list(dict.fromkeys(group.environment for group in groups))
        ask_for_sweep(self, self._possible(), names, environments, begun=self.show_newest)
