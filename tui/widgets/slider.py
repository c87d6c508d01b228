"""A slider over a fixed row of values: every value has its own place, and a click or a drag goes to the nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.screens.base import key
from tui.text import BAR, QUIET


class Slider(Widget, can_focus=True):
    """One of a row of numbers; left and right step, home and end go to the ends."""

    DEFAULT_CSS = """
    Slider { height: 1; width: 1fr; text-wrap: nowrap; }
    Slider:disabled { opacity: 50%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        key("left,h", "step(-1)", "Less", "slider.less", "Go to the value before", display="←"),
        key("right,l", "step(1)", "More", "slider.more", "Go to the next value", display="→"),
        key("home", "end(0)", "First", "slider.first", "Go to the first value", show=False),
        key("end", "end(1)", "Last", "slider.last", "Go to the last value", show=False),
    ]

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, slider: Slider) -> None:
            super().__init__()
            self.slider = slider

        @property
        def control(self) -> Slider:
            """Whose value it is, for `@on(..., selector)`."""
            return self.slider

    def __init__(
        self,
        label: str,
        values: Sequence[float] = (0.0,),
        *,
        shown: Callable[[float], str] = "{:g}".format,
        id: str | None = None,
    ) -> None:
        super().__init__(id=id)
        self.label = label
        self.values = list(values)
        self.index = 0
        self._shown = shown
        self._gutter, self._pitch = 10, 0
        self._dragged = False

    @property
    def value(self) -> float:
        """What is chosen."""
        return self.values[self.index]

    def fill(self, values: Sequence[float], chosen: float) -> None:
        """Other values; says nothing of it."""
        self.values = list(values) or [0.0]
        self.index = self.values.index(chosen) if chosen in self.values else len(self.values) - 1
        self.refresh()

    def place(self, gutter: int, pitch: int) -> None:
        """Where the row begins and how many cells lie from value to value, so that it lines up with what is below."""
        if (gutter, pitch) != (self._gutter, self._pitch):
            self._gutter, self._pitch = gutter, pitch
            self.refresh()

    def choose(self, index: int) -> None:
        """Go to a value, the nearest where there is none of that index."""
        index = min(max(index, 0), len(self.values) - 1)
        if index != self.index:
            self.index = index
            self.refresh()
            self.post_message(self.Changed(self))

    def render(self) -> Content:
        pitch = self._cells()
        parts: list[tuple[str, str]] = [
            ("▸ " if self.has_focus else "  ", "bold $text-accent"),
            (f"{self.label:<{self._gutter - 2}}", "bold" if self.has_focus else ""),
        ]
        for i in range(len(self.values)):
            knob = i == self.index
            line = "━" if i <= self.index else "─"
            before, after = pitch // 2, pitch - pitch // 2 - 1
            style = BAR if i <= self.index else QUIET
            parts.append(((" " if i == 0 else line) * before, style))
            parts.append(("●" if knob else "┷" if i < self.index else "┴", "bold $text-accent" if knob else style))
            last = i == len(self.values) - 1
            parts.append(((" " if last else "━" if i < self.index else "─") * after, BAR if i < self.index else QUIET))
        parts.append((f" {self._shown(self.value)}", "bold $text-accent"))
        return Content.assemble(*parts)

    def _cells(self) -> int:
        return self._pitch or max(1, (self.size.width - self._gutter - 8) // len(self.values))

    # -- keys and mouse

    def action_step(self, by: int) -> None:
        """The value beside it."""
        self.choose(self.index + by)

    def action_end(self, last: int) -> None:
        """The first or the last value."""
        self.choose(len(self.values) - 1 if last else 0)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        event.stop()
        self._dragged = True
        self.capture_mouse()
        self._to(event.x)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        if self._dragged:
            event.stop()
            self._to(event.x)

    def on_mouse_up(self, event: events.MouseUp) -> None:
        event.stop()
        self._dragged = False
        self.release_mouse()

    def _to(self, x: int) -> None:
        self.choose((x - self._gutter) // self._cells())
