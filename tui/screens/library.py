"""Library: the scenarios by group; the chosen one explained; from here runs start."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Click, Paste, Resize
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from repro.base.errors import InputError
from repro.runs.summary import RunSummary
from tui.commands import Request, parse_seeds, show, store_option, worth_a_trace
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.text import rows
from tui.viewmodels import library_lines
from tui.viewmodels.estimate import expected_text
from tui.viewmodels.scenarios import Entry, ScenarioList
from tui.widgets.cursor import ReversedCursor

if TYPE_CHECKING:
    from repro.scenario.types import Scenario


class Scenarios(ReversedCursor, OptionList):
    """The list: a click chooses, a second one on the same line is as Enter."""

    async def on_click(self, event: Click) -> None:
        event.prevent_default()  # Textual's list takes every click for Enter
        clicked = event.style.meta.get("option")
        if clicked is None or self.get_option_at_index(clicked).disabled:
            return
        again = event.chain > 1 and clicked == self.highlighted
        self.highlighted = clicked
        if again:
            self.action_select()


class LibraryScreen(ReproScreen):
    """The first screen."""

    HERE = "library"
    HELP = (
        "A scenario is a training run written down, with the claims it makes and their source. On the right stand its "
        "story, the claims as the last runs found them, and the file itself.\n\n"
        "Runs wait for each other: one at a time trains, and the queue goes on when you leave. While nothing runs, a "
        "worker is made ready for the chosen scenario: 'warmed up' stands at the top when it is.\n\n"
        "Scenario files of yours in this folder, or in its folder scenarios, stand in the list too; o opens one from "
        "anywhere, and so does pasting its path. Files are read again when they change."
    )
    FOCUS_HELP: ClassVar[dict[str, str]] = {
        "scenarios": "The scenarios: up and down or a click choose one, enter or a double click asks how to run it, "
        "space marks it.",
        "story": "The story of the chosen scenario: up, down and the page keys scroll it.",
    }
    BINDINGS: ClassVar[list[BindingType]] = [
        key("r", "run", "Run", "library.run", "Run the chosen or marked scenarios"),
        key("space", "mark", "Mark", "library.mark", "Mark or unmark the scenario"),
        key("a", "run_all", "All", "library.all", "Run all scenarios"),
        key("s", "sweep", "Rates", "library.sweep", "Train with many seeds: rates of the claims"),
        key("v", "sweeps", "Sweeps", "library.sweeps", "Show the rates of the sweeps so far", show=False),
        key("o", "open", "Open", "library.open", "Open a scenario file of yours"),
        key("l", "last", "Last run", "library.last", "Open the scenario's last run", show=False),
        key("w", "watch", "Watch", "library.watch", "Watch the run that goes on"),
    ]

    class Refreshed(Message):
        """The scenario files were read."""

        def __init__(self, faults: Sequence[str]) -> None:
            super().__init__()
            self.faults = faults

    def __init__(self) -> None:
        super().__init__()
        self.scenarios = ScenarioList([])
        self.picked: set[str] = set()
        self._keys: list[str] = []
        self._shown: str | None = None
        self._to_select: str | None = None
        self._before: set[str] = set()
        self._opening = 0

    def body(self) -> ComposeResult:
        self.scenarios = ScenarioList(self.session.environments, [Path(file) for file in self.session.settings.files])
        self.scenarios.quick_scan()
        with Horizontal(id="library"):
            yield Scenarios(*self._options(), id="scenarios", markup=False)
            with VerticalScroll(id="story"):
                yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        self.query_one("#scenarios", OptionList).action_first()
        self.call_after_refresh(self._refresh_scenarios)  # the engine's types take 0.1 s: after the first paint
        self.set_interval(2.0, self._refresh_scenarios)
        self.set_interval(0.2, self._open_when_there)

    @work(thread=True, exclusive=True, group="scenarios")
    def _refresh_scenarios(self) -> None:
        changed, faults = self.scenarios.refresh()
        if changed or faults:
            self.post_message(self.Refreshed(faults))

    def on_library_screen_refreshed(self, message: Refreshed) -> None:
        for fault in message.faults:
            self.session.say(fault, "error", 12)
        self._keep_opened()
        self._fill()

    def _keep_opened(self) -> None:
        files = [str(file) for file in self.scenarios.opened[-20:]]
        if files != self.session.settings.files:
            self.session.settings.files = files
            self.session.keep_settings()

    def _options(self) -> list[Option]:
        options: list[Option] = []
        self._keys = []
        for title, group in self.scenarios.groups():
            options.append(Option(Content(title if not options else f"\n{title}"), disabled=True))
            options += [Option(self._list_entry(entry), id=entry.key) for entry in group]
            self._keys += [entry.key for entry in group]
        return options

    def _fill(self) -> None:
        listing = self.query_one("#scenarios", OptionList)
        before = self._to_select or (self.chosen.key if self.chosen else None)
        options = self._options()
        if [option.id for option in options] != [option.id for option in listing.options]:
            listing.clear_options()
            listing.add_options(options)
            if self._keys:
                listing.highlighted = listing.get_option_index(before if before in self._keys else self._keys[0])
        else:
            self._fill_entries()
        if self._to_select in self._keys:
            listing.highlighted = listing.get_option_index(self._to_select)  # it may have been listed before
            self._to_select = None
        if self.focused is None:
            listing.focus()
        self._explain(force=True)

    # -- what stands in the list

    def _list_entry(self, entry: Entry) -> Content:
        expected = self._expected_time(entry)
        return library_lines.list_entry(
            entry,
            self.scenarios.broken.get(entry.key),
            self._latest_runs(entry.name),
            expected if entry.epochs else "",
            self._widths()[0],
            is_picked=entry.key in self.picked,
            is_store_read=self.session.loaded,
        )

    def _expected_time(self, entry: Entry) -> str:
        """Expected time of a run here, else its number of epochs."""
        settings = self.session.settings
        environment = (settings.environments or ["keras-3"])[0]
        loaded = self.scenarios.loaded.get(entry.key)
        timings = self.session.timings.values()
        text = (
            expected_text(timings, loaded.require_images(), environment, settings.device)
            if loaded is not None
            else None
        )
        return text if text is not None else f"{entry.epochs} epochs"

    def _latest_runs(self, scenario: str, *, with_claims: bool = False) -> dict[str, RunSummary]:
        session = self.session
        return library_lines.latest_runs(session.runs(), scenario, session.environments, with_claims=with_claims)

    def _widths(self) -> tuple[int, int]:
        """Cells for a line of the list and of the story, as in app.tcss: needed before the layout."""
        total = self.app.size.width
        listing = total if total < 80 else 38 if total < 120 else 52 if total < 136 else 62
        story = total if total < 80 else total - listing
        return listing - 3, max(30, min(96, story - 8))

    # -- the story

    @property
    def chosen(self) -> Entry | None:
        """The scenario under the cursor."""
        listing = self.query_one("#scenarios", OptionList)
        if listing.highlighted is None:
            return None
        return self.scenarios.entries.get(listing.get_option_at_index(listing.highlighted).id or "")

    def on_option_list_option_highlighted(self, _: OptionList.OptionHighlighted) -> None:
        self._explain()

    def on_option_list_option_selected(self, _: OptionList.OptionSelected) -> None:
        self.action_run()

    def _explain(self, *, force: bool = False) -> None:
        entry = self.chosen
        about = self.query_one("#about", Static)
        if entry is None:
            self.put(about, Content(""))
            return
        if entry.key != self._shown:
            self.query_one("#story", VerticalScroll).scroll_home(animate=False)
        elif not force:
            return
        self._shown = entry.key
        self.put(about, self._story(entry))
        self._show_request()

    def _story(self, entry: Entry) -> Content:
        fault, loaded = self.scenarios.broken.get(entry.key), self.scenarios.loaded.get(entry.key)
        width = self._widths()[1]
        latest, decided = self._latest_runs(entry.name), self._latest_runs(entry.name, with_claims=True)
        lines = library_lines.story(entry, loaded, latest, decided, width)
        if fault is not None:
            lines = [*library_lines.fault_lines(fault, width, has_old_content=loaded is not None), *lines]
        return rows(lines)

    # -- keys

    def store_changed(self) -> None:
        self._fill_entries()
        self._explain(force=True)

    def _fill_entries(self) -> None:
        listing = self.query_one("#scenarios", OptionList)
        for scenario in self._keys:
            if scenario in self.scenarios.entries:
                entry = self._list_entry(self.scenarios.entries[scenario])
                if str(listing.get_option(scenario).prompt) != str(entry):
                    listing.replace_option_prompt(scenario, entry)

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self._shown is not None:
            self.call_after_refresh(self.store_changed)

    def request(self, names: list[str]) -> Request:
        """What would run with the last choices."""
        settings = self.session.settings
        environments = [name for name in settings.environments if name in self.session.environments] or ["keras-3"]
        try:
            seeds = parse_seeds(settings.seeds)
        except ValueError:
            seeds = [0]
        loaded = self.scenarios.loaded
        traced = worth_a_trace(environments, (loaded[name].require_images() for name in names if name in loaded))
        return Request(names, environments, seeds, settings.device, settings.images, traced)

    def wanted(self) -> list[str]:
        """The marked scenarios in their order, else the chosen one."""
        picked = [scenario for scenario in self._keys if scenario in self.picked]
        return picked or ([self.chosen.key] if self.chosen else [])

    def _show_request(self) -> None:
        names = self.wanted()
        self.session.queue.prepare_for(self._first(names))
        if names:
            self.show_command(show([*self.request(names).arguments(), *store_option(self.session.store_path)]))

    def _first(self, names: list[str]) -> Request | None:
        """The request whose first run is known to be possible; a worker may be warmed for it."""
        broken = any(name in self.scenarios.broken for name in names)
        return None if broken or not names or names[0] not in self.scenarios.loaded else self.request(names)

    def action_mark(self) -> None:
        """Mark or unmark the scenario under the cursor."""
        if self.chosen is not None:
            self.picked ^= {self.chosen.key}
            self.store_changed()
            self.query_one("#scenarios", OptionList).action_cursor_down()
            self._show_request()

    def action_run(self) -> None:
        """Ask how, then run."""
        self._ask(self.wanted())

    def action_run_all(self) -> None:
        """All of them."""
        self._ask([scenario for scenario in self._keys if scenario not in self.scenarios.broken])

    def _ask(self, names: list[str]) -> None:
        from tui.screens.start import StartScreen

        if self.app.screen is not self:
            return  # it is being asked already: a third click, or Enter twice
        broken = next((name for name in names if name in self.scenarios.broken), None)
        if broken is not None:
            self.session.say(f"mend the file first: {self.scenarios.broken[broken].text}", "error", 12)
        elif names:
            loaded = self.scenarios.loaded
            scenarios = {name: loaded[name].require_images() for name in names if name in loaded}
            self.app.push_screen(StartScreen(self.request(names), scenarios), self._start)

    def action_sweep(self) -> None:
        """Ask for rates over seeds."""
        from tui.screens.sweep_ask import ask_for_sweep

        environments = self.request([]).environments
        ask_for_sweep(self, self.possible(), self.wanted(), environments, begun=self.action_sweeps)

    def action_sweeps(self) -> None:
        """Show the sweeps that were made."""
        from tui.screens.sweeps import SweepsScreen

        self.app.push_screen(SweepsScreen(self.possible))

    def possible(self) -> dict[str, Scenario]:
        """The scenarios that can be run, in the list's order; none before all were read."""
        loaded = dict(self.scenarios.loaded)
        if not set(self._keys) <= loaded.keys() | self.scenarios.broken.keys():
            return {}
        return {
            name: loaded[name].require_images()
            for name in self._keys
            if name in loaded and name not in self.scenarios.broken
        }

    def action_open(self) -> None:
        """Ask for a scenario file."""
        from tui.screens.open import OpenScreen

        self.app.push_screen(OpenScreen(), self._open)

    def on_paste(self, event: Paste) -> None:
        """A path that is pasted, or a file that is dropped on the terminal, is opened."""
        self._open(event.text)

    def _open(self, text: str | None) -> None:
        if text is None:
            return
        try:
            self._to_select = self.scenarios.open(text)
        except InputError as error:
            self.session.say(str(error), "error", 8)
            return
        self._refresh_scenarios()

    def _start(self, request: Request | None) -> None:
        if request is None:
            self._show_request()
            return
        settings = self.session.settings
        settings.environments, settings.seeds = list(request.environments), ",".join(map(str, request.seeds))
        settings.device, settings.images = request.device, request.images  # type: ignore[assignment]
        self.session.keep_settings()
        self.picked.clear()
        self._before = set(self.session.run_ids)
        if self.session.queue.start_runs(request) == 1 and not self.session.running():
            self._opening = 300  # looks, five a second
        self.store_changed()

    def _open_when_there(self) -> None:
        """Open the run that was just started as soon as its directory is there, unless one has gone elsewhere."""
        if not self._opening:
            return
        self._opening = self._opening - 1 if self.is_current else 0
        new = [run_id for run_id in self.session.run_ids if run_id not in self._before]
        if new and self._opening:
            self._opening = 0
            self.program.open_run(new[0])
        elif self._opening:
            self.session.refresh_store()

    def action_last(self) -> None:
        """Open the last run of the scenario."""
        if self.chosen is None:
            return
        name = self.chosen.name
        last = next((summary for summary in self.session.runs() if summary.scenario == name), None)
        if last is None:
            self.session.say(f"{name} was not run yet: r runs it")
        else:
            self.program.open_run(last.id)

    def action_watch(self) -> None:
        """Open the run that goes on."""
        going = self.session.running()
        if going:
            self.program.open_run(going[0].id)
        else:
            self.session.say("nothing is running: r runs the chosen scenario")
