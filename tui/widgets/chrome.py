"""What every screen has around it: the line with the places on top, the command line that does the same below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Static

from tui.text import QUIET, plain

if TYPE_CHECKING:
    from tui.app import ReproApp

PLACES = (("library", "1", "Library"), ("runs", "2", "Runs"), ("compare", "3", "Compare"), ("doctor", "4", "Doctor"))


class Place(Static):
    """One of the places; a click goes there."""

    def __init__(self, name: str, key: str, label: str, *, here: bool) -> None:
        super().__init__(Content.assemble((key, "$footer-key-foreground bold" if not here else "bold"), f" {label}"))
        self.place = name
        self.set_class(here, "-here")

    def on_click(self, event: events.Click) -> None:
        event.stop()
        app: ReproApp = self.app  # type: ignore[assignment]
        app.action_go(self.place)


class Masthead(Horizontal):
    """The name, the places, and what is going on."""

    def __init__(self, here: str) -> None:
        super().__init__()
        self._here = here

    def compose(self) -> ComposeResult:
        yield Static("repro", id="brand", markup=False)
        for name, key, label in PLACES:
            yield Place(name, key, label, here=name == self._here)
        yield Static("", id="activity", markup=False)

    def show(self, activity: Content) -> None:
        """Say what is going on."""
        self.query_one("#activity", Static).update(activity)


class CommandLine(Static):
    """The command line that does what the screen would do now; a click copies it."""

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.command = ""

    def show(self, command: str) -> None:
        """Show another one."""
        if command != self.command:
            self.command = command
            text = plain(command, 1000)
            self.update(Content.assemble(("$ ", QUIET), (text, ""), ("   y copies" if command else "", QUIET)))

    def on_click(self) -> None:
        app: ReproApp = self.app  # type: ignore[assignment]
        app.copy_out(self.command, "the command line")
