"""Asks for a scenario file of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widgets import Button, Input, Static

from repro.base.text import one_line
from tui.text import BAD, QUIET
from tui.viewmodels.scenarios import file_of


class Paths(Suggester):
    """Completes a path: folders and YAML files."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The first file or folder that begins so."""
        folder, _, start = value.rpartition("/")
        place = Path(f"{folder}/").expanduser() if "/" in value else Path()
        try:
            names = sorted(
                f"{file.name}/" if file.is_dir() else file.name
                for file in place.iterdir()
                if file.name.startswith(start)
                and (start or not file.name.startswith("."))
                and (file.suffix in (".yaml", ".yml") or file.is_dir())
            )
        except (OSError, RuntimeError):
            return None
        return value[: len(value) - len(start)] + names[0] if names and value else None


class OpenScreen(ModalScreen[str | None]):
    """Gives back the path of a file, or nothing."""

    HELP: ClassVar[str] = (
        "The path of a scenario file (.yaml). The right arrow key takes the suggestion. A file that is not right is "
        "listed with the line that is wrong, and read again whenever it is saved."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "cancel", "Cancel", tooltip="Open nothing", id="open.cancel"),
        Binding("f1", "app.help", "Help", tooltip="Show the keys and what has the focus", id="open.help"),
    ]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = Content("Open a scenario file")
            dialog.border_subtitle = Content("enter opens  esc cancels")
            yield Input(id="path", placeholder="a .yaml file: type or paste its path", suggester=Paths())
            yield Static("", id="says", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Open", id="open", classes="-primary", compact=True)

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self._say("→ takes the suggestion", QUIET)

    def _say(self, text: str, style: str) -> None:
        self.query_one("#says", Static).update(Content.styled(text, style))

    @on(Button.Pressed, "#open")
    @on(Input.Submitted)
    def action_open(self) -> None:
        """Give the file back where there is one."""
        path = self.query_one(Input).value
        if file_of(path) is not None:
            self.dismiss(path)
        else:
            self._say(f"{one_line(path, 80)} is not a file" if path.strip() else "give a path", BAD)

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Give back nothing."""
        self.dismiss(None)
