"""Library: the scenarios by group; the chosen one explained; from here runs start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.commands import Request, parse_seeds, show, store_option, worth_a_trace
from tui.scenarios import Shelf, yaml
from tui.screens.base import ReproScreen, key
from tui.summary import Summary
from tui.text import BAD, QUIET, duration, hanging, plain, rows, when, word

if TYPE_CHECKING:
    from repro.scenario.load import Loaded


class LibraryScreen(ReproScreen):
    """The first screen."""

    HERE = "library"
    HELP = (
        "A scenario is a training run written down, with the claims it makes and their source. "
        "Choose one and press r (or enter) to run it; mark several with space. Runs wait for each other: one at a time "
        "trains, and the queue goes on when you leave. On the right: the story, the claims as the last run found them, "
        "and the file itself."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        key("r", "run", "Run", "library.run", "Run the chosen or marked scenarios"),
        key("space", "mark", "Mark", "library.mark", "Mark or unmark the scenario"),
        key("a", "run_all", "All", "library.all", "Run all scenarios"),
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
        self.shelf: Shelf | None = None
        self.picked: set[str] = set()
        self._names: list[str] = []
        self._shown: str | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="library"):
            yield OptionList(id="scenarios", markup=False)
            with VerticalScroll(id="story"):
                yield Static("", id="about", markup=False)

    def on_mount(self) -> None:
        self.shelf = Shelf(self.repro.environments)
        self._refresh_shelf()
        self.set_interval(2.0, self._refresh_shelf)

    @work(thread=True, exclusive=True, group="shelf")
    def _refresh_shelf(self) -> None:
        assert self.shelf is not None
        changed, faults = self.shelf.refresh()
        if changed:
            self.post_message(self.Refreshed(faults))

    def on_library_screen_refreshed(self, message: Refreshed) -> None:
        for fault in message.faults:
            self.repro.say(fault, "error", 12)
        self._fill()

    def _fill(self) -> None:
        assert self.shelf is not None
        names = [one.scenario.name for _, group in self.shelf.groups() for one in group]
        listing = self.query_one("#scenarios", OptionList)
        chosen = self.chosen
        before = chosen.scenario.name if chosen else None
        options: list[Option] = []
        for title, group in self.shelf.groups():
            options.append(Option(Content(title if not options else f"\n{title}"), disabled=True))
            options += [Option(self._entry(one), id=one.scenario.name) for one in group]
        for name, fault in self.shelf.broken.items():
            if name not in self.shelf.loaded:
                options.append(Option(Content.styled(f"  ✗ {plain(name, 40)}: {plain(fault)}", BAD), disabled=True))
        listing.clear_options()
        listing.add_options(options)
        self._names = names
        if names:
            listing.highlighted = listing.get_option_index(before if before in names else names[0])
            if self.focused is None:
                listing.focus()
        self._explain(force=True)

    # -- what stands in the list

    def _entry(self, one: Loaded) -> Content:
        """Three lines: name with the expected time, title, last verdicts."""
        scenario = one.scenario
        width = self._widths()[0]
        name = plain(scenario.name, 40)
        mark = "◆ " if scenario.name in self.picked else "  "
        time = self.expected(scenario.name, scenario.fit.epochs)
        gap = max(1, width - len(mark) - len(name) - len(time) - 1)
        title = plain(scenario.title, 200)
        return rows(
            [
                Content.assemble((mark, "$text-accent"), (name, "bold"), " " * gap, (time, QUIET)),
                Content.styled("  " + title, "").truncate(width - 1, ellipsis=True),
                Content("  ") + self._verdicts(scenario.name).truncate(width - 3, ellipsis=True),
            ]
        )

    def _widths(self) -> tuple[int, int]:
        """Cells for a line of the list and of the story, as in app.tcss: needed before the layout."""
        total = self.app.size.width
        listing = total if total < 80 else 38 if total < 120 else 52
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

    def last_by_environment(self, scenario: str, *, with_claims: bool = False) -> dict[str, Summary]:
        """The last run of a scenario in each environment; the last one that decided its claims."""
        found: dict[str, Summary] = {}
        for summary in self.repro.runs():
            if summary.scenario != scenario or (with_claims and not summary.claims):
                continue
            if summary.environment not in found:
                found[summary.environment] = summary
        return {name: found[name] for name in self.repro.environments if name in found}

    def expected(self, scenario: str, epochs: int) -> str:
        """Expected time here: the last run's, else from measured seconds of an epoch."""
        environment = (self.repro.settings.environments or ["keras-3"])[0]
        other: Summary | None = None
        for summary in self.repro.runs():
            if summary.environment == environment and summary.seconds is not None:
                if summary.scenario == scenario:
                    return duration(summary.seconds)
                other = other or summary
        step = self.repro.step_seconds.get(environment)
        if other is not None and other.seconds is not None and step is not None:
            return f"~{duration(max(step, other.seconds - other.epochs * step) + epochs * step)}"
        return f"{epochs} epochs"

    # -- the story

    @property
    def chosen(self) -> Loaded | None:
        """The scenario under the cursor."""
        listing = self.query_one("#scenarios", OptionList)
        if self.shelf is None or listing.highlighted is None:
            return None
        return self.shelf.loaded.get(listing.get_option_at_index(listing.highlighted).id or "")

    def on_option_list_option_highlighted(self, _: OptionList.OptionHighlighted) -> None:
        self._explain()

    def on_option_list_option_selected(self, _: OptionList.OptionSelected) -> None:
        self.action_run()

    def _explain(self, *, force: bool = False) -> None:
        one = self.chosen
        if one is None:
            self.query_one("#about", Static).update("")
            return
        if one.scenario.name != self._shown:
            self.query_one("#story", VerticalScroll).scroll_home(animate=False)
        elif not force:
            return
        self._shown = one.scenario.name
        self.query_one("#about", Static).update(self._story(one))
        self._show_request()

    def _story(self, one: Loaded) -> Content:
        scenario = one.scenario
        found = self.last_by_environment(scenario.name)
        width = self._widths()[1]
        lines = [Content.styled(plain(scenario.title, 300), "bold"), Content("")]
        lines.append(Content(plain(" ".join(scenario.about.split()), 20_000)))
        if scenario.source:
            source = Content.styled(plain(scenario.source, 300), QUIET)
            lines += [Content(""), *hanging(Content.styled("Source  ", QUIET), source, width)]
        lines += [Content(""), Content.styled("Claims", "bold $text-accent"), *self._claims(one, width)]
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
        lines += [Content(""), Content.styled(plain(one.file.name, 100), "bold $text-accent"), yaml(one.text)]
        return rows(lines)

    def _claims(self, one: Loaded, width: int) -> list[Content]:
        outcomes: dict[str, list[str]] = {}
        finished = self.last_by_environment(one.scenario.name, with_claims=True)
        for summary in finished.values():
            for claim_id, outcome in summary.claims:
                outcomes.setdefault(claim_id, []).append(outcome)
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
            lines.append(Content.styled(f"Signs from left to right: {', '.join(finished)}", QUIET))
        return lines

    # -- keys

    def store_changed(self) -> None:
        if not self._names or self.shelf is None:
            return
        listing = self.query_one("#scenarios", OptionList)
        for name in self._names:
            if name in self.shelf.loaded:
                entry = self._entry(self.shelf.loaded[name])
                if str(listing.get_option(name).prompt) != str(entry):
                    listing.replace_option_prompt(name, entry)
        self._explain(force=True)

    def on_resize(self, event: Resize) -> None:
        super().on_resize(event)
        self.call_after_refresh(self.store_changed)

    def request(self, names: list[str]) -> Request:
        """What would run with the last choices."""
        kept = self.repro.settings
        environments = [name for name in kept.environments if name in self.repro.environments] or ["keras-3"]
        try:
            seeds = parse_seeds(kept.seeds)
        except ValueError:
            seeds = [0]
        loaded = self.shelf.loaded if self.shelf is not None else {}
        traced = worth_a_trace(environments, (loaded[name].scenario for name in names if name in loaded))
        return Request(names, environments, seeds, kept.device, kept.images, traced)

    def wanted(self) -> list[str]:
        """The marked scenarios in their order, else the chosen one."""
        marked = [name for name in self._names if name in self.picked]
        return marked or ([self.chosen.scenario.name] if self.chosen else [])

    def _show_request(self) -> None:
        names = self.wanted()
        if names:
            self.show_command(show([*self.request(names).words(), *store_option(self.repro.store_path)]))

    def action_mark(self) -> None:
        """Mark or unmark the scenario under the cursor."""
        if self.chosen is not None:
            self.picked ^= {self.chosen.scenario.name}
            self.store_changed()
            self.query_one("#scenarios", OptionList).action_cursor_down()
            self._show_request()

    def action_run(self) -> None:
        """Ask how, then run."""
        self._ask(self.wanted())

    def action_run_all(self) -> None:
        """All of them."""
        self._ask(list(self._names))

    def _ask(self, names: list[str]) -> None:
        from tui.screens.start import StartScreen

        if names and self.shelf is not None:
            scenarios = {name: self.shelf.loaded[name].scenario for name in names}
            self.app.push_screen(StartScreen(self.request(names), scenarios), self._start)

    def _start(self, request: Request | None) -> None:
        if request is None:
            return
        kept = self.repro.settings
        kept.environments, kept.seeds = list(request.environments), ",".join(map(str, request.seeds))
        kept.device, kept.images = request.device, request.images  # type: ignore[assignment]
        self.repro.keep_settings()
        self.picked.clear()
        before = set(self.repro.run_ids)
        if self.repro.start_runs(request) == 1 and not self.repro.going_on():
            self._open_when_there(before, 100)
        self.store_changed()

    def _open_when_there(self, before: set[str], tries: int) -> None:
        """Open the run that was just started as soon as its directory is there, unless one has gone elsewhere."""
        new = [run_id for run_id in self.repro.run_ids if run_id not in before]
        if new and self.is_current:
            self.repro.open_run(new[0])
        elif tries and self.is_current:
            self.repro.look_now()
            self.set_timer(0.2, lambda: self._open_when_there(before, tries - 1))

    def action_last(self) -> None:
        """Open the last run of the scenario."""
        if self.chosen is None:
            return
        name = self.chosen.scenario.name
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
