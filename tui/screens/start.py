"""How to run: environments, seeds, device, images; the command line that comes of it stands below."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.widgets import Input, Static

from repro.base.text import one_line
from repro.environment.definition import names
from repro.scenario.types import Scenario
from tui.commands import Request, parse_seeds, show, worth_a_trace
from tui.screens.ask import AskScreen, environment_choices, not_installed
from tui.text import QUIET, roughly
from tui.viewmodels.estimate import seconds_of
from tui.widgets.choice import AnyOf, OneOf

DEVICES = ("auto", "cpu", "gpu")


class StartScreen(AskScreen[Request]):
    """Gives back what is to be run, or nothing."""

    AUTO_FOCUS = "#start"
    GO = "Run"
    HELP: ClassVar[str] = (
        "An environment is a pinned interpreter with a locked set of packages. Every scenario runs in every "
        "environment with every seed, one after another. Seeds: 0 or 0,1,2 or 0:3. Images: a folder with one file per "
        "class, empty for the shipped ones."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "environments": "Where to run: up and down choose, space takes in or out.",
        "seeds": "Whole numbers: 0 or 0,1,2 or 0:3 (3 left out). Each is a run of its own.",
        "device": "left and right choose; auto takes a GPU where the environment has one.",
        "images": "A folder with one file per class; empty: the shipped ones.",
        "start": "enter starts the runs.",
        "cancel": "enter starts nothing.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "cancel", "Cancel", tooltip="Start nothing", id="start.cancel"),
        Binding("ctrl+s,f5", "start", "Start", tooltip="Start the runs", id="start.run"),
        Binding("y", "app.copy_command", "Copy", tooltip="Copy the command line", id="start.copy"),
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
                yield Static(one_line(", ".join(scenarios), 500), classes="quiet", markup=False)
            yield Static("Environments", classes="label")
            yield AnyOf(environment_choices(), self._request.environments, id="environments")
            with Horizontal(classes="line"):
                yield Static("Seeds", classes="label")
                yield Input(",".join(map(str, self._request.seeds)), id="seeds", placeholder="0 or 0,1,2 or 0:3")
            with Horizontal(classes="line"):
                yield Static("Device", classes="label")
                yield OneOf(DEVICES, self._request.device, id="device")
            with Horizontal(classes="line"):
                yield Static("Images", classes="label")
                yield Input(self._request.images, id="images", placeholder="shipped ones, or a folder of yours")
            yield from self.foot()

    def on_mount(self) -> None:
        self.check()

    def outcome(self, asked: Request) -> list[Content]:
        self.session.queue.prepare_for(asked, again=True)
        count = len(asked.each())
        total = seconds_of(self.session.timings.values(), asked, self._scenarios)
        text = f"{count} run{'s, one after another' if count > 1 else ''}"
        if total is not None:
            text += f", about {roughly(total)}"
        lines = [Content.assemble(("$ ", QUIET), one_line(show(asked.arguments()), 400)), Content.styled(text, QUIET)]
        return [*lines, *not_installed(asked.environments)]

    def read(self) -> Request:
        environments = list(self.query_one("#environments", AnyOf).selected)
        if not environments:
            raise ValueError("choose at least one environment")
        environments.sort(key=names().index)
        seeds = parse_seeds(self.query_one("#seeds", Input).value)
        images = self.query_one("#images", Input).value.strip()
        if images and not Path(images).expanduser().is_dir():
            raise ValueError(f"images: {one_line(images, 60)} is not a folder")
        device = self.query_one("#device", OneOf).value
        return Request(
            self._request.scenarios,
            environments,
            seeds,
            device,
            str(Path(images).expanduser().absolute()) if images else "",
            worth_a_trace(environments, self._scenarios.values()),
        )
