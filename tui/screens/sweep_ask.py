"""Which rates are wanted: scenarios, seeds, environments; the command line that comes of it stands below."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.types import CSSPathType
from textual.widgets import Input, Static

from repro.base.text import one_line
from repro.environment.definition import names
from repro.scenario.types import Scenario
from tui.commands import SweepRequest, parse_seeds, show
from tui.screens.ask import AskScreen, environment_choices, not_installed
from tui.screens.base import ReproScreen
from tui.text import QUIET, roughly
from tui.viewmodels.estimate import seconds_of
from tui.widgets.choice import AnyOf

SEEDS = "0:10"


def ask_for_sweep(
    screen: ReproScreen,
    scenarios: Mapping[str, Scenario],
    chosen: Sequence[str],
    environments: Sequence[str],
    begun: Callable[[], None],
) -> None:
    """Ask which rates over seeds are wanted, with some scenarios and environments chosen already; start the sweep.

    `begun` is called once the sweep is in the queue.
    """
    session = screen.session

    def start(request: SweepRequest | None) -> None:
        if request is not None and session.queue.start_sweep(request.arguments()):
            begun()

    if not scenarios:
        session.say("the scenarios are being read")
        return
    available = [name for name in environments if name in session.environments] or session.environments[:1]
    screen.app.push_screen(SweepAskScreen(scenarios, chosen, available), start)


class SweepAskScreen(AskScreen[SweepRequest]):
    """Gives back which runs make the rates, or nothing."""

    CSS_PATH: ClassVar[CSSPathType | None] = ["ask.tcss", "sweep_ask.tcss"]
    AUTO_FOCUS = "#seeds"
    HELP: ClassVar[str] = (
        "A claim can hold with one seed and fail with another. A sweep trains each scenario in each environment with "
        "every seed and tells how often each claim held, with the interval in which its rate lies with 95 % "
        "confidence. Seeds: 0:10 means 0 to 9. Finished runs of the store count and are not trained again."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "swept": "What to sweep: up and down choose, space takes in or out.",
        "environments": "Where to run: up and down choose, space takes in or out.",
        "seeds": "Whole numbers: 0:10 (10 left out) or 0,3,5. The more, the narrower the intervals.",
        "start": "enter starts the sweep.",
        "cancel": "enter starts nothing.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c", "cancel", "Cancel", tooltip="Start nothing", id="sweep.cancel"),
        Binding("ctrl+s,f5", "start", "Start", tooltip="Start the sweep", id="sweep.start"),
        Binding("y", "app.copy_command", "Copy", tooltip="Copy the command line", id="sweep.copy"),
        Binding("f1", "app.help", "Help", tooltip="Show the keys and what has the focus", id="sweep.help"),
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
            yield Static("Environments", classes="label", id="where")
            yield AnyOf(environment_choices(), self._environments, id="environments")
            with Horizontal(classes="line"):
                yield Static("Seeds", classes="label")
                yield Input(self._seeds, id="seeds", placeholder="0:10, or 0,3,5")
            yield from self.foot()

    def _scenario(self, name: str) -> Content:
        scenario = self._scenarios[name]
        return Content.assemble(
            f"{one_line(name.rpartition('/')[2], 30):<24}", (f"{scenario.fit.epochs:>5} epochs", QUIET)
        )

    def on_mount(self) -> None:
        listing = self.query_one("#swept", AnyOf)
        first = next((i for i, name in enumerate(self._scenarios) if name in self._chosen), 0)
        listing.highlighted = first
        self.check()

    def outcome(self, asked: SweepRequest) -> list[Content]:
        runs = asked.runs()
        total = seconds_of(self.session.timings.values(), runs, self._scenarios)
        count = len(runs.each())
        text = f"{count} run{'s' if count > 1 else ''}"
        text += f", at most about {roughly(total)}" if total is not None else ""
        lines = [
            Content.assemble(("$ ", QUIET), one_line(show(asked.arguments()), 400)),
            Content.styled(f"{text}; finished ones count", QUIET),
        ]
        return [*lines, *not_installed(asked.environments)]

    def read(self) -> SweepRequest:
        scenarios = self.query_one("#swept", AnyOf).selected
        environments = sorted(self.query_one("#environments", AnyOf).selected, key=names().index)
        if not scenarios:
            raise ValueError("choose at least one scenario")
        if not environments:
            raise ValueError("choose at least one environment")
        return SweepRequest(scenarios, environments, parse_seeds(self.query_one("#seeds", Input).value))
