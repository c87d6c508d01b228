"""F1: what the screen is for, what has the focus, and the keys that count now."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.keys import GENERAL_AREAS
from tui.text import QUIET, hanging, rows

WIDTH, EDGES = 72, 7  # of a dialog, as in app.tcss: border, padding and scroll bar
WORDS = (
    ("scenario", "images, model, training and claims, in a YAML file"),
    ("claim", "one checkable statement with its source: held, failed, open or skipped"),
    ("run", "one execution, a plain directory; only a finished one has a verdict"),
    ("verdict", "reproduced: all claims that counted held; not reproduced: one failed"),
    ("training phase", "BatchNormalization uses the batch's own mean and variance"),
    ("inference", "it uses moving averages, which start at 0 and 1"),
    ("left", "share of the way to the batch statistics that is still to go: 1 none gone, 0 arrived"),
    ("m^n", "weight of the initial value after n updates at momentum m"),
)


class HelpScreen(ModalScreen[None]):
    """Built from the same table of keys that dispatch and footer use."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,question_mark,ctrl+c", "close", "Close")]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = Content("Help")
            dialog.border_subtitle = Content("esc closes")
            yield Static(self._text(), markup=False)

    def _text(self) -> Content:
        lines = [*self._of_focus(), *self._keys(general=False)]
        text = getattr(self._about, "HELP", "")
        if text:
            lines += [Content.styled("What this is", "bold $text-accent"), Content(text), Content("")]
        lines += self._keys(general=True)
        lines.append(Content.styled("Words", "bold $text-accent"))
        width = self._width()
        for name, meaning in WORDS:
            lines += hanging(Content.styled(f"  {name:<16}", "bold"), meaning, width)
        return rows(lines)

    def _width(self) -> int:
        """Cells of a line."""
        return min(WIDTH, int(self.app.size.width * 0.96)) - EDGES

    def _of_focus(self) -> list[Content]:
        """What the widget that has the focus is for."""
        focused = self._about.focused
        if focused is None:
            return []
        text = getattr(self._about, "FOCUS_HELP", {}).get(focused.id) or focused.tooltip
        if not text:
            return []
        return [Content.styled("What has the focus", "bold $text-accent"), Content(str(text)), Content("")]

    def _keys(self, *, general: bool) -> list[Content]:
        """Keys by area: those that count everywhere, or those of the screen."""
        areas: dict[str, list[Content]] = {}
        width = self._width()
        seen = set()
        for _, binding, enabled, _ in self._about.active_bindings.values():
            what = binding.tooltip or binding.description
            if not what or binding.id is None or binding.id in seen:
                continue
            area = binding.id.partition(".")[0].capitalize()
            if (area in GENERAL_AREAS) != general:
                continue
            seen.add(binding.id)
            keys = self.app.get_key_display(binding)
            head = Content.styled(f"  {keys:<12}", "bold $text-accent" if enabled else QUIET)
            areas.setdefault(area, []).extend(hanging(head, Content.styled(what, "" if enabled else QUIET), width))
        lines: list[Content] = []
        for area, keys_of_area in areas.items():
            lines += [Content.styled(f"Keys: {area}", "bold $text-accent"), *keys_of_area, Content("")]
        return lines

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
