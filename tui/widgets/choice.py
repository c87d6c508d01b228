"""Choices that read without colour: (●) one of a few in a line, [x] any of a list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.text import QUIET
from tui.widgets.cursor import ReversedCursor


class OneOf(Widget, can_focus=True):
    """One of a few words; left and right choose."""

    DEFAULT_CSS = """
    OneOf { height: 1; width: 1fr; }
    OneOf:focus {
        background: $block-cursor-background;
        color: $block-cursor-foreground;
        text-style: $block-cursor-text-style;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Before", show=False),
        Binding("right,space", "move(1)", "Next", show=False),
    ]

    class Changed(Message):
        """Another word was chosen."""

    def __init__(self, words: Sequence[str], chosen: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._words = list(words)
        self.value = chosen if chosen in words else self._words[0]

    def render(self) -> Content:
        return Content("   ").join(Content(f"({'●' if one == self.value else ' '}) {one}") for one in self._words)

    def action_move(self, by: int) -> None:
        """The word beside it."""
        self._choose((self._words.index(self.value) + by) % len(self._words))

    def _choose(self, index: int) -> None:
        self.value = self._words[index]
        self.refresh()
        self.post_message(self.Changed())

    def on_click(self, event: events.Click) -> None:
        place = 0
        for index, one in enumerate(self._words):
            place += len(one) + 7
            if event.x < place:
                self._choose(index)
                return


class AnyOf(ReversedCursor, OptionList):
    """Any of a list; space and enter mark."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("space", "select", "Mark", show=False)]

    class Changed(Message):
        """Something was marked or unmarked."""

    def __init__(
        self,
        items: Sequence[tuple[str, Content]],
        chosen: Sequence[str],
        *,
        id: str | None = None,
    ) -> None:
        self._labels = dict(items)
        self._chosen = set(chosen)
        super().__init__(*(Option(self._prompt(name), id=name.replace(".", "_")) for name, _ in items), id=id)

    @property
    def selected(self) -> list[str]:
        """What is marked, in the list's order."""
        return [name for name in self._labels if name in self._chosen]

    def _prompt(self, name: str) -> Content:
        mark = "[x] " if name in self._chosen else "[ ] "
        return Content.assemble((mark, "bold" if name in self._chosen else QUIET)) + self._labels[name]

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        name = list(self._labels)[event.option_index]
        self._chosen ^= {name}
        self.replace_option_prompt_at_index(event.option_index, self._prompt(name))
        self.post_message(self.Changed())
