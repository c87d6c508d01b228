"""F1: what the screen is for, what has the focus, and the keys that count now."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tui.text import QUIET, rows

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

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,question_mark", "close", "Close")]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._about = about

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = Content("Help")
            dialog.border_subtitle = Content("escape closes")
            yield Static(self._text(), markup=False)

    def _text(self) -> Content:
        lines: list[Content] = []
        text = getattr(self._about, "HELP", "")
        if text:
            lines += [Content(text), Content("")]
        focused = self._about.focused
        if focused is not None:
            of_focus = getattr(self._about, "FOCUS_HELP", {}).get(focused.id) or focused.tooltip
            if of_focus:
                lines += [
                    Content.styled("What has the focus", "bold $text-accent"),
                    Content(str(of_focus)),
                    Content(""),
                ]
        areas: dict[str, list[Content]] = {}
        seen = set()
        for _, binding, enabled, _ in self._about.active_bindings.values():
            what = binding.tooltip or binding.description
            if not what or binding.id is None or binding.id in seen:
                continue
            seen.add(binding.id)
            area = binding.id.partition(".")[0].capitalize()
            keys = self.app.get_key_display(binding)
            areas.setdefault(area, []).append(
                Content.assemble(
                    (f"  {keys:<12}", "bold $text-accent" if enabled else QUIET), (what, "" if enabled else QUIET)
                )
            )
        for area in sorted(
            areas, key=lambda name: name in ("Go", "Command", "Screen", "View", "Help", "Program", "List")
        ):
            lines += [Content.styled(area, "bold"), *areas[area], Content("")]
        lines.append(Content.styled("Words", "bold"))
        lines += [Content.assemble((f"  {name:<16}", "$text-accent"), text) for name, text in WORDS]
        return rows(lines)

    def action_close(self) -> None:
        """Back."""
        self.dismiss(None)
