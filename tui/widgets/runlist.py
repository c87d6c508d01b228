"""A list of runs that stays quick with ten thousand of them: it draws the lines one sees, and holds no widget a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.visual import Visual

from repro.runs.summary import RunSummary
from tui.widgets.cursor import ReversedCursor

Line = Callable[[RunSummary, int, bool], Content]


class RunList(ReversedCursor, ScrollView, can_focus=True):
    """Runs as lines; one is under the cursor, any number are marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"runlist--cursor", "runlist--cursor-away"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="list.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="list.down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="list.pageup"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="list.pagedown"),
        Binding("home,g", "move(-100000000)", "First", show=False, id="list.first"),
        Binding("end,G", "move(100000000)", "Last", show=False, id="list.last"),
        Binding("enter", "choose", "Open", show=False, id="list.open"),
    ]
    cursor: reactive[int] = reactive(0, repaint=True)

    class Highlighted(Message):
        """Another run is under the cursor, or none."""

        def __init__(self, run_id: str | None) -> None:
            super().__init__()
            self.run_id = run_id

    class Chosen(Message):
        """A run is to be opened."""

        def __init__(self, run_id: str) -> None:
            super().__init__()
            self.run_id = run_id

    def __init__(self, line: Line, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._line = line
        self.items: list[RunSummary] = []
        self.marked: set[str] = set()

    @property
    def current(self) -> RunSummary | None:
        """The run under the cursor."""
        return self.items[self.cursor] if 0 <= self.cursor < len(self.items) else None

    def show(self, items: Sequence[RunSummary]) -> None:
        """Show other runs; the cursor stays on its run."""
        here = self.current
        self.items = list(items)
        self.virtual_size = Size(self.size.width, len(self.items))
        place = next((i for i, item in enumerate(self.items) if here is not None and item.id == here.id), None)
        if place is None:
            place = min(self.cursor, max(0, len(self.items) - 1))
        after = self.items[place] if self.items else None
        moved = self.cursor != place
        self.cursor = place
        if not moved and (here is None or after is None or here.id != after.id):
            self.post_message(self.Highlighted(after.id if after else None))
        self.refresh()

    def watch_cursor(self) -> None:
        current = self.current
        self.post_message(self.Highlighted(current.id if current else None))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.items))

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        width = self.size.width
        if not 0 <= index < len(self.items):
            return Strip.blank(width, self.rich_style)
        item = self.items[index]
        style = self.visual_style
        if index == self.cursor:
            style = self.get_visual_style("runlist--cursor" if self.has_focus else "runlist--cursor-away")
        content = self._line(item, width, item.id in self.marked)
        strips = Visual.to_strips(self, content, width, 1, style)
        return strips[0].adjust_cell_length(width, style.rich_style) if strips else Strip.blank(width, style.rich_style)

    def action_move(self, by: int) -> None:
        """Move the cursor."""
        if self.items:
            self.cursor = min(max(self.cursor + by, 0), len(self.items) - 1)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screenful."""
        self.action_move(by * max(1, self.size.height - 1))

    def action_choose(self) -> None:
        """Open the run under the cursor."""
        if self.current is not None:
            self.post_message(self.Chosen(self.current.id))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self.items):
            again = index == self.cursor and event.chain > 1
            self.cursor = index
            if again:
                self.action_choose()
