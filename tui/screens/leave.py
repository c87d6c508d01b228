"""Leaving while runs go on: stop them with a checkpoint, leave them running, or stay."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from repro.base.text import one_line
from tui.screens.base import UsesSession


def in_container() -> bool:
    """Whether the runs end with this program, because their container does."""
    from repro.environment.record import IMAGE_FILE

    return bool(IMAGE_FILE.is_file())


class LeaveScreen(UsesSession, ModalScreen[None]):
    """Asks, since leaving is where work gets lost."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "stop", "Stop", tooltip="Stop with a checkpoint, then leave", id="leave.stop"),
        Binding("l", "leave", "Leave running", tooltip="Leave; the runs go on", id="leave.leave"),
        Binding("escape,n", "stay", "Stay", tooltip="Stay", id="leave.stay"),
        Binding("ctrl+c", "usual", show=False),
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
        Binding("f1", "app.help", "Help", tooltip="Show the keys and what has the focus", id="leave.help"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._stopping = False

    def compose(self) -> ComposeResult:
        running, waiting = self.session.running(), self.session.queue.waiting()
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("Leave?")
            dialog.border_subtitle = Content("s stops  " + ("" if in_container() else "l leaves  ") + "esc stays")
            lines = [
                f"● running   {one_line(run.scenario, 40)} in {run.environment}, epoch {run.epoch} of {run.epochs}"
                for run in running
            ]
            if not running and self.session.queue.is_starting:
                lines.append("● starting")
            if waiting:
                lines.append(f"○ waiting   {len(waiting)} more")
            yield Static("\n".join(lines), markup=False)
            if in_container():
                yield Static(
                    "\nThe runs end with this container. Stop them first: they keep a checkpoint, and `repro resume` "
                    "goes on from it. Without that they end at their last checkpoint, at most a minute old.",
                    classes="note",
                    markup=False,
                )
            else:
                yield Static("\nRuns belong to no screen: left alone, they go on.", classes="quiet", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Stay", id="stay", compact=True)
                yield Button("Stop with checkpoint", id="stop", compact=True)
                if not in_container():
                    yield Button("Leave running", id="leave", classes="-primary", compact=True)

    def action_usual(self) -> None:
        """Ctrl+C, for the second time: leave by the way that loses nothing."""
        if in_container():
            self.action_stop()
        else:
            self.action_leave()

    def on_mount(self) -> None:
        self.query_one("#stop" if in_container() else "#leave", Button).focus()

    @on(Button.Pressed, "#stop")
    def action_stop(self) -> None:
        """Stop all, wait for the checkpoints, leave."""
        if self._stopping:
            return
        self._stopping = True
        self.session.stop_everything()
        self.query_one(Static).update("■ stopping: each run ends its epoch and keeps a checkpoint\n(l leaves at once)")
        self.set_interval(0.3, self._leave_when_stopped)

    def _leave_when_stopped(self) -> None:
        self.session.refresh_store()
        if not self.session.running() and not self.session.queue.is_starting:
            self.app.exit(0)

    @on(Button.Pressed, "#leave")
    def action_leave(self) -> None:
        """Leave; the runs go on."""
        self.app.exit(0)

    @on(Button.Pressed, "#stay")
    def action_stay(self) -> None:
        """Close the question."""
        self.dismiss(None)
