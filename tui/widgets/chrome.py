"""What every screen has around it: the line with the places on top, the command line that does the same below."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import events
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from repro.base.text import one_line
from tui.text import QUIET

if TYPE_CHECKING:
    from textual.binding import Binding
    from textual.dom import DOMNode

PLACES = (("library", "1", "Library"), ("runs", "2", "Runs"), ("compare", "3", "Compare"), ("doctor", "4", "Doctor"))


class Header(Widget):
    """The name, the places, and what is going on. One widget, since each costs the start some milliseconds."""

    def __init__(self, here: str, activity: Content) -> None:
        super().__init__()
        self._here = here
        self._activity = activity
        self._ranges: list[tuple[int, int, str]] = []

    def render(self) -> Content:
        width = self.size.width
        line = Content.styled(" repro  ", "bold $text-accent") if width >= 80 else Content("")
        self._ranges = []
        for name, key, label in PLACES:
            start = line.cell_length
            if name == self._here:
                line += Content.styled(f" {key} {label} ", "bold on $background")
            else:
                line += Content.assemble((f" {key}", "bold $footer-key-foreground"), (f" {label} ", QUIET))
            self._ranges.append((start, line.cell_length, name))
        room = width - line.cell_length - 2
        activity = (
            self._activity.truncate(max(0, room), ellipsis=True)
            if room < self._activity.cell_length
            else self._activity
        )
        return line + Content(" " * max(1, width - line.cell_length - activity.cell_length - 1)) + activity

    def show(self, activity: Content) -> None:
        """Say what is going on."""
        if activity != self._activity:
            self._activity = activity
            self.refresh()

    async def on_click(self, event: events.Click) -> None:
        for start, end, name in self._ranges:
            if start <= event.x < end:
                await self.app.run_action(f"go('{name}')")


class KeyHints(Widget):
    """The keys that count now; a click does the same. What has no room is left out, but never help and quit."""

    ALWAYS = ("help.show", "command.find", "program.quit")

    def __init__(self) -> None:
        super().__init__()
        self._ranges: list[tuple[int, int, str, DOMNode]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _: self.refresh())

    def render(self) -> Content:
        found: dict[str, tuple[Binding, bool, DOMNode]] = {}
        for node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show and (binding.id or binding.action) not in found:
                found[binding.id or binding.action] = (binding, enabled, node)
        last = [found.pop(name) for name in self.ALWAYS if name in found]
        room = self.size.width - sum(self._part(binding, enabled).cell_length + 2 for binding, enabled, _ in last)
        line = Content("")
        self._ranges = []
        for binding, enabled, node in [*found.values(), *last]:
            part = self._part(binding, enabled)
            if binding.id not in self.ALWAYS:
                if part.cell_length + 2 > room:
                    continue
                room -= part.cell_length + 2
            start = line.cell_length
            line += Content(" ") + part + Content(" ")
            self._ranges.append((start, line.cell_length, binding.action, node))
        return line

    def _part(self, binding: Binding, enabled: bool) -> Content:
        key = self.app.get_key_display(binding)
        return Content.assemble(
            (key, "bold $footer-key-foreground" if enabled else f"dim {QUIET}"),
            (f" {binding.description}", "" if enabled else f"dim {QUIET}"),
        )

    async def on_click(self, event: events.Click) -> None:
        for start, end, action, node in self._ranges:
            if start <= event.x < end:
                await self.app.run_action(action, node)


class CommandLine(Static):
    """The command line that does what the screen would do now; a click copies it."""

    def __init__(self) -> None:
        super().__init__("", markup=False)
        self.command = ""

    def show(self, command: str) -> None:
        """Show another one."""
        if command != self.command:
            self.command = command
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self.command:
            self.update("")
            return
        line = Content.assemble(("$ ", QUIET), one_line(self.command, 1000))
        hint = Content.styled("y copies", QUIET)
        gap = self.size.width - line.cell_length - hint.cell_length
        if gap >= 2:  # the command counts; the hint stands where there is room
            line += Content(" " * gap) + hint
        self.update(line)

    async def on_click(self) -> None:
        await self.app.run_action("copy_command")
