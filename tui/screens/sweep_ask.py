"""Which rates are wanted: scenarios, seeds, environments; the command line that comes of it stands below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, cast

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from repro.environment.definition import names
from repro.scenario.types import Scenario
from tui.commands import SweepRequest, parse_seeds, show
from tui.estimate import seconds_of
from tui.screens.base import HEIGHTS, WIDTHS
from tui.screens.start import environment_label, not_installed
from tui.text import BAD, QUIET, duration, plain
from tui.widgets.choice import AnyOf

if TYPE_CHECKING:
    from tui.app import ReproApp

SEEDS = "0:10"


class SweepAskScreen(ModalScreen[SweepRequest | None]):
    """Gives back which runs make the rates, or nothing."""

    CSS_PATH = "sweep_ask.tcss"
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS
    HELP: ClassVar[str] = (
        "A claim can hold with one seed and fail with another. A sweep trains each scenario in each environment with "
        "every seed and tells how often each claim held, with the interval in which its rate lies with 95 % "
        "confidence. Seeds: 0:10 means 0 to 9. Finished runs of the store count and are not trained again."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", tooltip="Start nothing", id="sweep.cancel"),
        Binding("ctrl+s,f5", "start", "Start", tooltip="Start the sweep", id="sweep.start"),
    ]

    def __init__(
        self, scenarios: Mapping[str, Scenario], chosen: Sequence[str], environments: Sequence[str], seeds: str = SEEDS
    ) -> None:
        super().__init__()
        self._scenarios = scenarios
        self._chosen = chosen
        self._environments = environments
        self._seeds = seeds

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog", can_focus=False) as dialog:
            dialog.border_title = Content("Rates over seeds")
            yield Static("Scenarios", classes="label")
            yield AnyOf([(name, self._scenario(name)) for name in self._scenarios], self._chosen, id="swept")
            yield Static("Environments", classes="label")
            yield AnyOf([(name, environment_label(name)) for name in names()], self._environments, id="environments")
            with Horizontal(classes="line"):
                yield Static("Seeds", classes="label")
                yield Input(self._seeds, id="seeds", placeholder="0:10, or 0,3,5")
            yield Static("", id="says", markup=False)
            with Horizontal(classes="buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Start", id="start", classes="-primary", compact=True)

    def _scenario(self, name: str) -> Content:
        scenario = self._scenarios[name]
        return Content.assemble(
            f"{plain(name.rpartition('/')[2], 30):<24}", (f"{scenario.fit.epochs:>5} epochs", QUIET)
        )

    def on_mount(self) -> None:
        listing = self.query_one("#swept", AnyOf)
        first = next((i for i, name in enumerate(self._scenarios) if name in self._chosen), 0)
        listing.highlighted = first
        self.query_one("#seeds", Input).focus()
        self._check()

    @on(AnyOf.Changed)
    @on(Input.Changed)
    def _check(self) -> None:
        """Say what comes of the choices, or what is wrong with them."""
        says, button = self.query_one("#says", Static), self.query_one("#start", Button)
        try:
            request = self._read()
        except ValueError as error:
            says.update(Content.styled(str(error), BAD))
            button.disabled = True
            return
        button.disabled = False
        runs = request.runs()
        total = seconds_of(cast("ReproApp", self.app), runs, self._scenarios)
        count = len(runs.each())
        text = f"{count} run{'s' if count > 1 else ''}"
        text += f", at most about {duration(total)}" if total is not None else ""
        lines = [
            Content.assemble(("$ ", QUIET), plain(show(request.words()), 400)),
            Content.styled(f"{text}; finished ones count", QUIET),
        ]
        says.update(Content("\n").join([*lines, *not_installed(request.environments)]))

    def _read(self) -> SweepRequest:
        scenarios = self.query_one("#swept", AnyOf).selected
        environments = sorted(self.query_one("#environments", AnyOf).selected, key=names().index)
        if not scenarios:
            raise ValueError("choose at least one scenario")
        if not environments:
            raise ValueError("choose at least one environment")
        return SweepRequest(scenarios, environments, parse_seeds(self.query_one("#seeds", Input).value))

    @on(Button.Pressed, "#start")
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
