"""What dialogs share that ask what is to be run: below the choices what comes of them, then start or cancel."""

from __future__ import annotations

from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.types import CSSPathType
from textual.widgets import Button, Input, Static

from repro.base.text import one_line
from repro.environment.definition import get, names
from tui.commands import Request, SweepRequest, show
from tui.screens.base import HEIGHTS, WIDTHS, UsesSession
from tui.text import BAD, ODD, QUIET, rows
from tui.widgets.choice import AnyOf, OneOf

Asked = TypeVar("Asked", Request, SweepRequest)


def environment_label(name: str) -> Content:
    """An environment as a line of a choice."""
    environment = get(name)
    title = Content.styled(one_line(environment.definition.title, 60), QUIET)
    if not environment.is_installed():
        title = Content.styled("not installed here", ODD)
    return Content(f"{name:<14}") + title


def environment_choices() -> list[tuple[str, Content]]:
    """All environments, those that are installed first."""
    return [(name, environment_label(name)) for name in sorted(names(), key=lambda name: not get(name).is_installed())]


def not_installed(environments: list[str]) -> list[Content]:
    """What to do where the first of these that is not installed is missing."""
    missing = [name for name in environments if not get(name).is_installed()]
    return [
        Content.styled(f"{name} is not installed here: repro environment install {name}", BAD) for name in missing[:1]
    ]


class AskScreen(UsesSession, ModalScreen["Asked | None"], Generic[Asked]):
    """Gives back what is to be run, or nothing. Its bindings name the actions `start` and `cancel`."""

    CSS_PATH: ClassVar[CSSPathType | None] = "ask.tcss"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    GO: ClassVar[str] = "Start"  # on the button that starts

    def on_mount(self) -> None:
        """Name the keys; the buttons may be below the edge."""
        self.query_one(".dialog").border_subtitle = Content("f5 starts  esc cancels")

    @property
    def command(self) -> str:
        """The command line that does the same, which `y` copies."""
        try:
            return show(self.read().arguments())
        except ValueError:
            return ""

    def read(self) -> Asked:
        """What the choices ask for; ValueError, for people, where they cannot be."""
        raise NotImplementedError

    def outcome(self, asked: Asked) -> list[Content]:
        """What comes of it, in lines."""
        raise NotImplementedError

    def foot(self) -> ComposeResult:
        """What stands below the choices."""
        yield Static("", id="says", markup=False)
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel", compact=True)
            yield Button(self.GO, id="start", classes="-primary", compact=True)

    @on(AnyOf.Changed)
    @on(Input.Changed)
    @on(OneOf.Changed)
    def check(self) -> None:
        """Say what comes of the choices, or what is wrong with them."""
        start = self.query_one("#start", Button)
        try:
            lines = self.outcome(self.read())
        except ValueError as error:
            lines, start.disabled = [Content.styled(str(error), BAD)], True
        else:
            start.disabled = False
        self.query_one("#says", Static).update(rows(lines))

    @on(Button.Pressed, "#start")
    @on(Input.Submitted)
    def action_start(self) -> None:
        """Give back the choices."""
        try:
            self.dismiss(self.read())
        except ValueError:
            self.check()

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Give back nothing."""
        self.dismiss(None)
