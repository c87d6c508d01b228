"""How to run: environments, seeds, device, images; the command line that comes of it stands below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from repro.environment.definition import get, names
from repro.scenario.types import Scenario
from tui.commands import Request, parse_seeds, show, worth_a_trace
from tui.estimate import seconds_of
from tui.screens.base import HEIGHTS, WIDTHS
from tui.text import BAD, ODD, QUIET, duration, plain
from tui.widgets.choice import AnyOf, OneOf

if TYPE_CHECKING:
    from tui.app import ReproApp

DEVICES = ("auto", "cpu", "gpu")


def environment_label(name: str) -> Content:
    """An environment as a line of a choice."""
    environment = get(name)
    title = Content.styled(plain(environment.definition.title, 60), QUIET)
    if not environment.is_installed():
        title = Content.styled("not installed here", ODD)
    return Content(f"{name:<14}") + title


def not_installed(environments: list[str]) -> list[Content]:
    """What to do where the first of these that is not installed is missing."""
    missing = [name for name in environments if not get(name).is_installed()]
    return [
        Content.styled(f"{name} is not installed here: repro environment install {name}", BAD) for name in missing[:1]
    ]


class StartScreen(ModalScreen[Request | None]):
    """Gives back what is to be run, or nothing."""

    CSS_PATH = "start.tcss"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    HELP: ClassVar[str] = (
        "An environment is a pinned interpreter with a locked set of packages; r runs every scenario in every "
        "environment with every seed, one after another. Seeds: 0 or 0,1,2 or 0:3. Images: a folder with one file per "
        "class, empty for the shipped ones."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "environments": "Where to run: up and down choose, space takes in or out.",
        "seeds": "Whole numbers: 0 or 0,1,2 or 0:3 (3 left out). Each is a run of its own.",
        "device": "left and right choose; auto takes a GPU where the environment has one.",
        "images": "A folder with one file per class; empty: the shipped ones.",
        "run": "enter starts the runs.",
        "cancel": "enter starts nothing.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", tooltip="Start nothing", id="start.cancel"),
        Binding("ctrl+s,f5", "start", "Start", tooltip="Start the runs", id="start.run"),
        Binding("f1", "app.help", "Help", tooltip="Show the keys and what has the focus", id="start.help"),
    ]

    def __init__(self, request: Request, scenarios: Mapping[str, Scenario]) -> None:
        super().__init__()
        self._request = request
        self._scenarios = scenarios

    def compose(self) -> ComposeResult:
        scenarios = self._request.scenarios
        with VerticalScroll(classes="dialog", can_focus=False) as dialog:
            dialog.border_title = Content(
                f"Run {scenarios[0] if len(scenarios) == 1 else f'{len(scenarios)} scenarios'}"
            )
            if len(scenarios) > 1:
                yield Static(plain(", ".join(scenarios), 500), classes="quiet", markup=False)
            yield Static("Environments", classes="label")
            yield AnyOf(
                [(name, environment_label(name)) for name in names()],
                self._request.environments,
                id="environments",
            )
            with Horizontal(classes="line"):
                yield Static("Seeds", classes="label")
                yield Input(",".join(map(str, self._request.seeds)), id="seeds", placeholder="0 or 0,1,2 or 0:3")
            with Horizontal(classes="line"):
                yield Static("Device", classes="label")
                yield OneOf(DEVICES, self._request.device, id="device")
            with Horizontal(classes="line"):
                yield Static("Images", classes="label")
                yield Input(self._request.images, id="images", placeholder="shipped ones, or a folder of yours")
            yield Static("", id="says", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Run", id="run", classes="-primary", compact=True)

    def on_mount(self) -> None:
        self.query_one("#run", Button).focus()
        self._check()

    @on(AnyOf.Changed)
    @on(Input.Changed)
    @on(OneOf.Changed)
    def _check(self) -> None:
        """Say what comes of the choices, or what is wrong with them."""
        says = self.query_one("#says", Static)
        try:
            request = self._read()
            cast("ReproApp", self.app).want(request, again=True)
        except ValueError as error:
            says.update(Content.styled(str(error), BAD))
            self.query_one("#run", Button).disabled = True
            return
        self.query_one("#run", Button).disabled = False
        count = len(request.each())
        total = seconds_of(cast("ReproApp", self.app), request, self._scenarios)
        text = f"{count} run{'s, one after another' if count > 1 else ''}"
        if total is not None:
            text += f", about {duration(total)}"
        lines = [Content.assemble(("$ ", QUIET), plain(show(request.words()), 400)), Content.styled(text, QUIET)]
        lines += not_installed(request.environments)
        says.update(Content("\n").join(lines))

    def _read(self) -> Request:
        environments = list(self.query_one("#environments", AnyOf).selected)
        if not environments:
            raise ValueError("choose at least one environment")
        environments.sort(key=names().index)
        seeds = parse_seeds(self.query_one("#seeds", Input).value)
        images = self.query_one("#images", Input).value.strip()
        if images and not Path(images).expanduser().is_dir():
            raise ValueError(f"images: {plain(images, 60)} is not a folder")
        device = self.query_one("#device", OneOf).value
        return Request(
            self._request.scenarios,
            environments,
            seeds,
            device,
            str(Path(images).expanduser().absolute()) if images else "",
            worth_a_trace(environments, self._scenarios.values()),
        )

    @on(Button.Pressed, "#run")
    @on(Input.Submitted)
    def action_start(self) -> None:
        """Give back the choices."""
        try:
            self.dismiss(self._read())
        except ValueError as error:
            self.query_one("#says", Static).update(Content.styled(str(error), BAD))

    @on(Button.Pressed, "#cancel")
    def action_cancel(self) -> None:
        """Give back nothing."""
        self.dismiss(None)
