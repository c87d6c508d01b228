"""A slider over a fixed row of values: every value has its own place, and a click or a drag goes to the nearest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tui.keys import key
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
        self._places: tuple[int, int, int, int] | None = None
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

    def place(self, gutter: int, pitch: int, lead: int, width: int) -> None:
        """Where the row lies, so that it lines up with what is around it, in cells.

        `gutter`: before the row; `lead`: in the row before the first value; `pitch`: from value to value; `width`: of
        the row, after which the chosen value is written.
        """
        if (gutter, pitch, lead, width) != self._places:
            self._places = gutter, pitch, lead, width
            self.refresh()

    def choose(self, index: int) -> None:
        """Go to a value, the nearest where there is none of that index."""
        index = min(max(index, 0), len(self.values) - 1)
        if index != self.index:
            self.index = index
            self.refresh()
            self.post_message(self.Changed(self))

    def render(self) -> Content:
        gutter, pitch, lead, width = self._row()
        parts: list[tuple[str, str]] = [
            ("▸ " if self.has_focus else "  ", "bold $text-accent"),
            (f"{self.label:<{gutter - 2}}", "bold" if self.has_focus else ""),
            (" " * lead, ""),
        ]
        for i in range(len(self.values)):
            style = BAR if i <= self.index else QUIET
            if i:
                parts.append((("━" if i <= self.index else "─") * (pitch - 1), style))
            knob = i == self.index
            parts.append(("●" if knob else "┷" if i < self.index else "┴", "bold $text-accent" if knob else style))
        parts.append((" " * (width - lead - (len(self.values) - 1) * pitch - 1), ""))
        parts.append((f" {self._shown(self.value)}", "bold $text-accent"))
        return Content.assemble(*parts)

    def _row(self) -> tuple[int, int, int, int]:
        """Gutter, pitch, lead and width."""
        if self._places is not None:
            return self._places
        pitch = max(1, (self.size.width - 18) // len(self.values))
        return 10, pitch, pitch // 2, pitch * len(self.values)

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
        gutter, pitch, lead, _ = self._row()
        self.choose((x - gutter - lead + pitch // 2) // pitch)
