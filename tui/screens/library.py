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
from tui.screens.base import ReproScreen, key
from tui.text import BAD, QUIET, duration, hanging, plain, prose, rows, when, word
from tui.viewmodels.estimate import expected_text
from tui.viewmodels.scenarios import Entry, Shelf, marked, yaml
from tui.widgets.cursor import ReversedCursor

if TYPE_CHECKING:
    from repro.scenario.load import Loaded
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
        """The shelf was read anew."""

        def __init__(self, faults: Sequence[str]) -> None:
            super().__init__()
            self.faults = faults

    def __init__(self) -> None:
        super().__init__()
        self.shelf = Shelf([])
        self.picked: set[str] = set()
        self._keys: list[str] = []
        self._shown: str | None = None
        self._wanted: str | None = None
        self._before: set[str] = set()
        self._opening = 0

    def body(self) -> ComposeResult:
        self.shelf = Shelf(self.repro.environments, [Path(file) for file in self.repro.settings.files])
        self.shelf.glance()
        with Horizontal(id="library"):
            yield Scenarios(*self._options(), id="scenarios", markup=False)
            with VerticalScroll(id="story"):
                yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        self.query_one("#scenarios", OptionList).action_first()
        self.call_after_refresh(self._refresh_shelf)  # the engine's types take 0.1 s: after the first paint
        self.set_interval(2.0, self._refresh_shelf)
        self.set_interval(0.2, self._open_when_there)

    @work(thread=True, exclusive=True, group="shelf")
    def _refresh_shelf(self) -> None:
        changed, faults = self.shelf.refresh()
        if changed or faults:
            self.post_message(self.Refreshed(faults))

    def on_library_screen_refreshed(self, message: Refreshed) -> None:
        for fault in message.faults:
            self.repro.say(fault, "error", 12)
        self._keep_opened()
        self._fill()

    def _keep_opened(self) -> None:
        files = [str(file) for file in self.shelf.opened[-20:]]
        if files != self.repro.settings.files:
            self.repro.settings.files = files
            self.repro.keep_settings()

    def _options(self) -> list[Option]:
        options: list[Option] = []
        self._keys = []
        for title, group in self.shelf.groups():
            options.append(Option(Content(title if not options else f"\n{title}"), disabled=True))
            options += [Option(self._entry(one), id=one.key) for one in group]
            self._keys += [one.key for one in group]
        return options

    def _fill(self) -> None:
        listing = self.query_one("#scenarios", OptionList)
        before = self._wanted or (self.chosen.key if self.chosen else None)
        options = self._options()
        if [one.id for one in options] != [one.id for one in listing.options]:
            listing.clear_options()
            listing.add_options(options)
            if self._keys:
                listing.highlighted = listing.get_option_index(before if before in self._keys else self._keys[0])
        else:
            self._fill_entries()
        if self._wanted in self._keys:
            listing.highlighted = listing.get_option_index(self._wanted)  # it may have been listed before
            self._wanted = None
        if self.focused is None:
            listing.focus()
        self._explain(force=True)

    # -- what stands in the list

    def _entry(self, one: Entry) -> Content:
        """Three lines: name with the expected time, title, last verdicts."""
        width = self._widths()[0]
        name = plain(one.name, 40)
        marked_ = one.key in self.picked
        mark = "◆ " if marked_ else "  "
        fault = self.shelf.broken.get(one.key)
        time = self.expected(one) if one.epochs else ""
        gap = max(1, width - len(mark) - len(name) - len(time) - 1)
        lines = [Content.assemble((mark, "$text-accent" if marked_ else ""), (name, "bold"), " " * gap, (time, QUIET))]
        if one.title:
            lines.append(Content("  " + plain(one.title, 200)).truncate(width - 1, ellipsis=True))
        if fault is not None:
            lines.append(Content.styled(f"  ✗ {fault.text}", BAD).truncate(width - 1, ellipsis=True))
        else:
            lines.append(Content("  ") + self._verdicts(one.name).truncate(width - 3, ellipsis=True))
        return rows(line.pad_right(max(0, width - line.cell_length)) for line in lines)

    def _widths(self) -> tuple[int, int]:
        """Cells for a line of the list and of the story, as in app.tcss: needed before the layout."""
        total = self.app.size.width
        listing = total if total < 80 else 38 if total < 120 else 52 if total < 136 else 62
        story = total if total < 80 else total - listing
        return listing - 3, max(30, min(96, story - 8))

    def _verdicts(self, scenario: str) -> Content:
        found = self.last_by_environment(scenario)
        if not found:
            return Content.styled("not run yet" if self.repro.loaded else "", QUIET)
        parts = []
        for environment, summary in found.items():
            what = word(summary.outcome)
            parts.append(Content.assemble((what.sign, what.style), f" {environment}"))
        return Content("  ").join(parts)

    def last_by_environment(self, scenario: str, *, with_claims: bool = False) -> dict[str, RunSummary]:
        """The last run of a scenario in each environment; the last one that decided its claims."""
        found: dict[str, RunSummary] = {}
        for summary in self.repro.runs():
            if summary.scenario != scenario or (with_claims and not summary.claims):
                continue
            if summary.environment not in found:
                found[summary.environment] = summary
        return {name: found[name] for name in self.repro.environments if name in found}

    def expected(self, one: Entry) -> str:
        """Expected time here, else the number of epochs."""
        kept = self.repro.settings
        environment = (kept.environments or ["keras-3"])[0]
        loaded = self.shelf.loaded.get(one.key)
        text = expected_text(self.repro, loaded.scenario, environment, kept.device) if loaded is not None else None
        return text if text is not None else f"{one.epochs} epochs"

    # -- the story

    @property
    def chosen(self) -> Entry | None:
        """The scenario under the cursor."""
        listing = self.query_one("#scenarios", OptionList)
        if listing.highlighted is None:
            return None
        return self.shelf.entries.get(listing.get_option_at_index(listing.highlighted).id or "")

    def on_option_list_option_highlighted(self, _: OptionList.OptionHighlighted) -> None:
        self._explain()

    def on_option_list_option_selected(self, _: OptionList.OptionSelected) -> None:
        self.action_run()

    def _explain(self, *, force: bool = False) -> None:
        one = self.chosen
        about = self.query_one("#about", Static)
        if one is None:
            self.put(about, Content(""))
            return
        if one.key != self._shown:
            self.query_one("#story", VerticalScroll).scroll_home(animate=False)
        elif not force:
            return
        self._shown = one.key
        self.put(about, rows([*self._faults(one), *self._story(one)]))
        self._show_request()

    def _faults(self, one: Entry) -> list[Content]:
        """Why a file cannot be read, with the place."""
        fault = self.shelf.broken.get(one.key)
        if fault is None:
            return []
        lines = hanging(Content.styled("✗ ", BAD), Content.styled(fault.text, BAD), self._widths()[1])
        if one.key in self.shelf.loaded:
            lines.append(
                Content.styled("Below stands what the file said before; a run would read it as it is now.", QUIET)
            )
        return [*lines, Content(""), marked(fault), Content("")]

    def _story(self, one: Entry) -> list[Content]:
        found = self.last_by_environment(one.name)
        width = self._widths()[1]
        lines = [Content.styled(plain(one.title, 300), "bold"), Content("")] if one.title else []
        loaded = self.shelf.loaded.get(one.key)
        if loaded is None:
            return lines
        scenario = loaded.scenario
        lines.append(prose(plain(" ".join(scenario.about.split()), 20_000)))
        if scenario.source:
            source = Content.styled(plain(scenario.source, 300), QUIET)
            lines += [Content(""), *hanging(Content.styled("Source  ", QUIET), source, width)]
        lines += [Content(""), Content.styled("Claims", "bold $text-accent"), *self._claims(loaded, width)]
        if found:
            lines += [Content(""), Content.styled("Last runs", "bold $text-accent")]
            for environment, summary in found.items():
                lines.append(
                    Content.assemble(
                        word(summary.outcome).content(18),
                        f"{environment:<14}",
                        (f"{when(summary.started):<13}{duration(summary.seconds)}", QUIET),
                    )
                )
        name = one.key if "/" in one.key else loaded.file.name
        lines += [Content(""), Content.styled(plain(name, 100), "bold $text-accent"), yaml(loaded.text)]
        return lines

    def _claims(self, one: Loaded, width: int) -> list[Content]:
        outcomes: dict[str, list[str]] = {}
        finished = self.last_by_environment(one.scenario.name, with_claims=True)
        for summary in finished.values():
            for result in summary.claims:
                outcomes.setdefault(result.id, []).append(result.outcome)
        lines: list[Content] = []
        names = max([len(claim.id) for claim in one.scenario.claims] or [0])
        signs_width = max(1, len(finished))
        for claim in one.scenario.claims:
            signs = "".join(word(outcome).sign for outcome in outcomes.get(claim.id, [])) or "·"
            bad = "failed" in outcomes.get(claim.id, [])
            good = "held" in outcomes.get(claim.id, []) and not bad
            style = BAD if bad else "$text-success" if good else QUIET
            only = f" (only {', '.join(claim.only)})" if claim.only else ""
            head = Content.assemble((f"{signs:<{signs_width}} ", style), (f"{claim.id:<{names}}  ", "bold"))
            says = Content.assemble(plain(claim.says, 300), (plain(only, 200), QUIET))
            lines += hanging(head, says, width)
        if finished:
            order = "from left to right: " if len(finished) > 1 else "as the last run found them in "
            lines.append(Content.styled(f"Signs {order}{', '.join(finished)}", QUIET))
        return lines

    # -- keys

    def store_changed(self) -> None:
        self._fill_entries()
        self._explain(force=True)

    def _fill_entries(self) -> None:
        listing = self.query_one("#scenarios", OptionList)
        for key_ in self._keys:
            if key_ in self.shelf.entries:
                entry = self._entry(self.shelf.entries[key_])
                if str(listing.get_option(key_).prompt) != str(entry):
                    listing.replace_option_prompt(key_, entry)

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        if self._shown is not None:
            self.call_after_refresh(self.store_changed)

    def request(self, names: list[str]) -> Request:
        """What would run with the last choices."""
        kept = self.repro.settings
        environments = [name for name in kept.environments if name in self.repro.environments] or ["keras-3"]
        try:
            seeds = parse_seeds(kept.seeds)
        except ValueError:
            seeds = [0]
        loaded = self.shelf.loaded
        traced = worth_a_trace(environments, (loaded[name].scenario for name in names if name in loaded))
        return Request(names, environments, seeds, kept.device, kept.images, traced)

    def wanted(self) -> list[str]:
        """The marked scenarios in their order, else the chosen one."""
        picked = [key_ for key_ in self._keys if key_ in self.picked]
        return picked or ([self.chosen.key] if self.chosen else [])

    def _show_request(self) -> None:
        names = self.wanted()
        self.repro.want(self._first(names))
        if names:
            self.show_command(show([*self.request(names).words(), *store_option(self.repro.store_path)]))

    def _first(self, names: list[str]) -> Request | None:
        """The request whose first run is known to be possible; a worker may be warmed for it."""
        broken = any(name in self.shelf.broken for name in names)
        return None if broken or not names or names[0] not in self.shelf.loaded else self.request(names)

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
        self._ask([key_ for key_ in self._keys if key_ not in self.shelf.broken])

    def _ask(self, names: list[str]) -> None:
        from tui.screens.start import StartScreen

        if self.app.screen is not self:
            return  # it is being asked already: a third click, or Enter twice
        broken = next((name for name in names if name in self.shelf.broken), None)
        if broken is not None:
            self.repro.say(f"mend the file first: {self.shelf.broken[broken].text}", "error", 12)
        elif names:
            loaded = self.shelf.loaded
            scenarios = {name: loaded[name].scenario for name in names if name in loaded}
            self.app.push_screen(StartScreen(self.request(names), scenarios), self._start)

    def action_sweep(self) -> None:
        """Ask for rates over seeds."""
        self.repro.ask_for_sweep(self.possible, self.wanted(), self.request([]).environments)

    def action_sweeps(self) -> None:
        """Show the sweeps that were made."""
        self.repro.open_sweeps(self.possible)

    def possible(self) -> dict[str, Scenario]:
        """The scenarios that can be run, in the list's order; none before all were read."""
        loaded = dict(self.shelf.loaded)
        if not set(self._keys) <= loaded.keys() | self.shelf.broken.keys():
            return {}
        return {name: loaded[name].scenario for name in self._keys if name in loaded and name not in self.shelf.broken}

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
            self._wanted = self.shelf.open(text)
        except InputError as error:
            self.repro.say(str(error), "error", 8)
            return
        self._refresh_shelf()

    def _start(self, request: Request | None) -> None:
        if request is None:
            self._show_request()
            return
        kept = self.repro.settings
        kept.environments, kept.seeds = list(request.environments), ",".join(map(str, request.seeds))
        kept.device, kept.images = request.device, request.images  # type: ignore[assignment]
        self.repro.keep_settings()
        self.picked.clear()
        self._before = set(self.repro.run_ids)
        if self.repro.start_runs(request) == 1 and not self.repro.going_on():
            self._opening = 300  # looks, five a second
        self.store_changed()

    def _open_when_there(self) -> None:
        """Open the run that was just started as soon as its directory is there, unless one has gone elsewhere."""
        if not self._opening:
            return
        self._opening = self._opening - 1 if self.is_current else 0
        new = [run_id for run_id in self.repro.run_ids if run_id not in self._before]
        if new and self._opening:
            self._opening = 0
            self.repro.open_run(new[0])
        elif self._opening:
            self.repro.look_now()

    def action_last(self) -> None:
        """Open the last run of the scenario."""
        if self.chosen is None:
            return
        name = self.chosen.name
        last = next((summary for summary in self.repro.runs() if summary.scenario == name), None)
        if last is None:
            self.repro.say(f"{name} was not run yet: r runs it")
        else:
            self.repro.open_run(last.id)

    def action_watch(self) -> None:
        """Open the run that goes on."""
        going = self.repro.going_on()
        if going:
            self.repro.open_run(going[0].id)
        else:
            self.repro.say("nothing is running: r runs the chosen scenario")
