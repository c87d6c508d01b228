"""The program: places, store, queue, signals, what is copied, how one leaves."""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual._styles_cache import StylesCache
from textual.app import App, ScreenStackError, SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.events import Resize
from textual.message import Message
from textual.screen import Screen
from textual.worker import WorkerFailed

from repro.base import shipped
from repro.runs.summary import RunSummary
from tui import settings
from tui.commands import Request, SweepRequest, ticket_words
from tui.screens.base import ReproScreen, key
from tui.screens.library import LibraryScreen
from tui.text import BUSY, ODD, QUIET, plain
from tui.themes import NAMES, NORMAL, THEMES

if TYPE_CHECKING:
    from textual.command import Provider
    from textual.driver import Driver

    from repro.queue import tickets
    from repro.queue.standby import Warming
    from repro.runs.directory import RunDirectory
    from repro.runs.estimate import Timing
    from repro.runs.store import Store
    from repro.scenario.types import Scenario
    from tui.watchers import StoreNews, StoreWatcher

TERMINAL_SECONDS = 1.0
POOL_THREADS = 4  # for all that screens read and compute beside the keys; asyncio's own pool has up to 32
_EXIT_BY_SIGNAL = {signal.SIGTERM: 143, signal.SIGHUP: 129}


class StoreChanged(Message):
    """The watcher saw something new."""

    def __init__(self, news: StoreNews) -> None:
        super().__init__()
        self.news = news


def _commands() -> type[Provider]:
    from tui.palette import Commands  # what the palette needs is imported when it is first opened

    return Commands


def _runs() -> Screen[Any]:
    from tui.screens.runs import RunsScreen  # screens are imported when they are first shown: the start is quicker

    return RunsScreen()


def _compare() -> Screen[Any]:
    from tui.screens.compare import CompareScreen

    return CompareScreen()


def _doctor() -> Screen[Any]:
    from tui.screens.doctor import DoctorScreen

    return DoctorScreen()


class ReproApp(App[int], inherit_bindings=False):
    """The terminal UI over one store."""

    TITLE = "repro"
    CSS_PATH = "app.tcss"
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "f2"
    COMMANDS: ClassVar[set[Any]] = {_commands}
    MODES: ClassVar[dict[str, Any]] = {
        "runs": _runs,
        "compare": _compare,
        "doctor": _doctor,
    }
    DEFAULT_MODE = "library"
    BINDINGS: ClassVar[list[BindingType]] = [
        key("1", "go('library')", "Library", "go.library", "Show the scenarios", show=False),
        key("2", "go('runs')", "Runs", "go.runs", "Show all runs", show=False),
        key("3", "go('compare')", "Compare", "go.compare", "Compare the marked runs", show=False),
        key("4", "go('doctor')", "Doctor", "go.doctor", "Look for what would keep runs from working", show=False),
        key("y", "copy_command", "Copy", "command.copy", "Copy the command line that does the same", show=False),
        key("f3", "save_picture", "Picture", "screen.save", "Save a picture of the screen (SVG)", show=False),
        key("t", "next_theme", "Theme", "view.theme", "Change to the next theme", show=False),
        key("f1,question_mark", "help", "Help", "help.show", "Show the keys and what has the focus"),
        key("f2,colon", "command_palette", "Menu", "command.find", "Find a command by name"),
        key("q", "leave", "Quit", "program.quit", "Leave the program"),
        Binding("ctrl+c", "leave", show=False, system=True),
    ]

    def __init__(self, store: Path, config_folder: Path | None = None) -> None:
        super().__init__()
        self.store_path = store
        self._config_folder = config_folder
        self.settings = settings.load(config_folder)
        for theme in THEMES:
            self.register_theme(theme)
        self._dress(self.settings.theme if self.settings.theme in NAMES else NORMAL)
        if not self.settings.animation:
            self.animation_level = "none"
        self.environments = environment_names()
        self.run_ids: list[str] = []
        self.summaries: dict[str, RunSummary] = {}
        self.tickets: list[tickets.Ticket] = []
        self.store_error: str | None = None
        self.timings: dict[object, Timing] = {}
        self.marked: list[str] = []
        self.deleted: list[str] = []
        self.warming: Warming | None = None
        self._wanted: Request | None = None
        self._told_warm = False
        self.loaded = False
        self._watcher: StoreWatcher | None = None
        self._told_errors: set[str] = set()

    def _dress(self, theme: str) -> None:
        """The theme to start with. Setting the normal one as other themes are set parses all styles anew (40 ms)."""
        if theme == NORMAL:
            self.set_reactive(App.theme, theme)
            self.stylesheet.set_variables(self.get_css_variables())
        else:
            self.theme = theme

    # -- start and end

    def get_default_screen(self) -> Screen[Any]:
        """The library. As the screen of a mode Textual would parse all styles once more before it stands."""
        return LibraryScreen()

    def on_mount(self) -> None:
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(POOL_THREADS, "pool"))
        self.add_mode("library", LibraryScreen)
        if threading.current_thread() is threading.main_thread():
            for number, code in _EXIT_BY_SIGNAL.items():
                with contextlib.suppress(NotImplementedError, RuntimeError):
                    loop.add_signal_handler(number, self._leave_by_signal, code)
        if not self.is_headless:
            # Of a thread that ends by an error nobody would know: what it read stays as it is on the screen.
            threading.excepthook = self._thread_failed
        if not self.is_headless and sys.stdin.isatty():
            threading.Thread(target=_mind_terminal, args=(sys.stdin.fileno(),), name="terminal", daemon=True).start()
        self.set_interval(0.5, self._mind_size)
        if not self.is_headless:
            self.start_warming()
        self.call_after_refresh(self._watch)

    def _mind_size(self) -> None:
        """Tell the screen its size where it missed it.

        Textual passes a change of size on by a timer of 8 ms. A timer that starts too late never fires, and then no
        later change is passed on either: on a busy machine the screen stays as it was.
        """
        with contextlib.suppress(ScreenStackError):
            if self.screen.is_mounted and self.screen.outer_size != self.size:
                self.screen.post_message(Resize(self.size, self.size))

    def _leave_by_signal(self, code: int) -> None:
        """The runs belong to their supervisors: they go on."""
        self.exit(code, return_code=code)

    def _thread_failed(self, failed: threading.ExceptHookArgs) -> None:
        """Called in a thread that ends. Textual's own end so where the terminal is gone, and `_mind_terminal` knows."""
        ours = failed.thread is not None and not failed.thread.name.startswith("textual-")
        if ours and isinstance(failed.exc_value, Exception):
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.call_later(self._handle_exception, failed.exc_value)

    def _handle_exception(self, error: Exception) -> None:
        """Called by Textual with what nobody caught. It mounts nothing more once the program is being left: a screen
        that was opened in that moment, its command palette too, finds no widgets, and that is no defect."""
        if not (self._exit and isinstance(_cause(error), NoMatches)):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """What Textual calls where nobody caught an error: one line and a file, in place of its traceback."""
        from rich.text import Text

        from repro.base import defects
        from repro.base.errors import ExitCode

        assert self._exception is not None
        line = f"repro: {defects.keep(_cause(self._exception))}; runs that go on are not touched"
        self._exit_renderables.append(Text(line, no_wrap=True, overflow="ignore"))
        self._return_code = int(ExitCode.ENDED_EARLY)
        self._close_messages_no_wait()

    def _watch(self) -> None:
        if not gc.isenabled():  # see tui.start
            gc.freeze()
            gc.enable()
        from tui.watchers import StoreWatcher  # the engine's types take 80 ms: after the first paint

        self._watcher = StoreWatcher(self.store_path, self.environments, self._tell)
        threading.Thread(target=self._watcher.run, name="store", daemon=True).start()

    def _tell(self, news: StoreNews) -> None:
        """Called by the watcher's thread, which tells a thing once: not taken means again, until the program ends."""
        assert self._watcher is not None
        while not self._watcher.is_stopped:
            with contextlib.suppress(RuntimeError):  # the loop is closed
                if self.post_message(StoreChanged(news)):
                    return
            time.sleep(0.05)

    def on_unmount(self) -> None:
        if self._watcher is not None:
            self._watcher.stop()
        if self.warming is not None:
            self.warming.close()

    # -- a worker that is warm before its run is asked for

    def get_driver_class(self) -> type[Driver]:
        """See App."""
        from textual.drivers.linux_driver import LinuxDriver

        from tui.textual_fixes import OneSizeDriver

        found = super().get_driver_class()
        return OneSizeDriver if found is LinuxDriver else found

    def start_warming(self) -> None:
        """From now on keep a worker warm for the run that would be started."""
        self.set_timer(1.0, self._warm)  # nothing of it before the first paint

    def _warm(self) -> None:
        from repro.queue.standby import Warming

        self.warming = Warming(self.store_path, on=self.settings.warm)
        self.set_interval(0.5, self._mind_warming)

    def want(self, request: Request | None, *, again: bool = False) -> None:
        """The runs that would be started now: the first of them may find a warm worker."""
        self._wanted = request
        if self.warming is not None:
            words = ticket_words(request.each()[0][3]) if request is not None else None
            self.warming.want(words, again=again)

    def _mind_warming(self) -> None:
        """Start, end and replace the warm worker as it must be now."""
        assert self.warming is not None
        if not self.loaded:
            return
        self.want(self._wanted)
        if not self.warming.look(busy=self._is_busy()) and self._is_left_waiting():
            self.work_queue()
        if self.warming.is_ready != self._told_warm and isinstance(self.screen, ReproScreen):
            self._told_warm = self.warming.is_ready
            if self.screen.is_composed:
                self.screen.show_activity()

    def _is_left_waiting(self) -> bool:
        """Whether a run waits its turn, also one that the watcher of the store has not told of yet."""
        from repro.queue import tickets

        return any(ticket.waits for ticket in tickets.tickets(self.store_path))

    def _is_busy(self) -> bool:
        return bool(self.going_on() or self.tickets or any(screen.TRAINS for screen in self._full_screens()))

    def _full_screens(self) -> list[ReproScreen]:
        return [screen for screen in self.screen_stack if isinstance(screen, ReproScreen)]

    def toggle_warming(self) -> None:
        """Turn warming up on or off and keep it."""
        self.settings.warm = not self.settings.warm
        self.keep_settings()
        if self.warming is not None:
            self.warming.is_on = self.settings.warm
        self.say(f"warming up a worker is {'on' if self.settings.warm else 'off'}")

    # -- the store

    def on_store_changed(self, message: StoreChanged) -> None:
        news = message.news
        if news.ids is not None:
            self.run_ids, self.store_error = news.ids, news.error
            self.summaries = {
                run_id: self.summaries.get(run_id) or RunSummary.from_id(run_id, self.environments)
                for run_id in news.ids
            }
            self.marked = [run_id for run_id in self.marked if run_id in self.summaries]
            self.loaded = True
        for summary in news.summaries:
            before = self.summaries.get(summary.id)
            if before is None:
                continue
            self.summaries[summary.id] = summary
            if before.state == "running" and summary.state != "running":
                self._say_ended(summary)
        if news.tickets is not None:
            self.tickets = news.tickets
            self._say_errors()
        self.timings.update((timing.kind, timing) for timing in news.timings)
        try:
            screen = self.screen
        except ScreenStackError:  # the program is ending
            return
        if isinstance(screen, ReproScreen) and screen.is_composed:
            screen.show_activity()
            screen.store_changed()

    def _say_ended(self, summary: RunSummary) -> None:
        name = f"{summary.scenario} in {summary.environment}, seed {summary.seed}"
        said = (summary.verdict or summary.state).replace("_", " ").lower()
        good = summary.verdict == "REPRODUCED"
        reason = f": {summary.reason}" if summary.reason and not summary.verdict else ""
        self.say(f"{name}: {said}{reason}", "information" if good else "warning")

    def _say_errors(self) -> None:
        for ticket in self.tickets:
            if ticket.error and ticket.name not in self._told_errors:
                self._told_errors.add(ticket.name)
                self.say(f"{ticket.title} could not start: {ticket.error}", "error", 15)
                self._cancel(ticket)

    def _cancel(self, ticket: tickets.Ticket) -> None:
        from repro.queue import tickets

        with contextlib.suppress(OSError):
            tickets.cancel(self.store_path, ticket.name)

    @property
    def store(self) -> Store:
        """The folder of runs."""
        from repro.runs.store import Store

        return Store(self.store_path)

    def run_directory(self, run_id: str) -> RunDirectory:
        """A run of the store."""
        from repro.runs.directory import RunDirectory

        return RunDirectory(self.store_path / run_id)

    def runs(self) -> list[RunSummary]:
        """All runs, newest first."""
        return [self.summaries[run_id] for run_id in self.run_ids]

    def going_on(self) -> list[RunSummary]:
        """Runs that go on here."""
        return [summary for summary in self.summaries.values() if summary.state == "running"]

    def waiting(self) -> list[tickets.Ticket]:
        """Runs that wait their turn."""
        return [ticket for ticket in self.tickets if ticket.waits]

    def look_now(self) -> None:
        """Look at the store at once."""
        if self._watcher is not None:
            self._watcher.look_now()

    def activity(self) -> Content:
        """What goes on, for the head line."""
        going = self.going_on()
        waiting = len(self.waiting())
        parts: list[tuple[str, str]] = []
        if self.store_error:
            return Content.styled(plain(self.store_error, 80), ODD)
        if going:
            one = going[0]
            of = f" {one.epoch}/{one.epochs}" if one.epochs else ""
            parts.append((f"● {plain(one.scenario, 30)}{of}", BUSY))
            if len(going) > 1:
                parts.append((f" +{len(going) - 1}", BUSY))
        elif any(ticket.started for ticket in self.tickets):
            parts.append(("● starting", BUSY))
        if waiting:
            parts.append((f"  ○ {waiting} waiting", QUIET if going else ODD))
        if not parts and self.warming is not None and self.warming.is_ready:
            return Content.styled("warmed up", QUIET)
        return Content.assemble(*parts) if parts else Content.styled("nothing is running", QUIET)

    # -- starting runs

    def start_runs(self, request: Request) -> int:
        """Put runs in the queue, which a process of its own works off; how many."""
        from repro.queue import tickets

        each = request.each()
        try:
            self.store.check_writable()
            for scenario, environment, seed, words in each:
                tickets.add(self.store_path, scenario, environment, seed, ticket_words(words))
        except Exception as error:
            self.say(str(error), "error", 15)
            return 0
        self.work_queue(ticket_words(each[0][3]))
        count = len(each)
        busy = bool(self.going_on())
        what = f"{each[0][0]} in {each[0][1]}, seed {each[0][2]}" if count == 1 else f"{count} runs"
        self.say(f"{what}: {'waiting for the run before' if busy else 'starting'}")
        return count

    def ask_for_sweep(
        self, possible: Callable[[], Mapping[str, Scenario]], chosen: Sequence[str], environments: Sequence[str]
    ) -> None:
        """Ask which rates over seeds are wanted, with some scenarios and environments chosen already, and begin."""
        from tui.screens.sweep_ask import SweepAskScreen

        def begin(request: SweepRequest | None) -> None:
            if request is not None and self.start_sweep(request.words()):
                self.open_sweeps(possible)

        scenarios = possible()
        if not scenarios:
            self.say("the scenarios are being read")
            return
        known = [name for name in environments if name in self.environments] or self.environments[:1]
        self.push_screen(SweepAskScreen(scenarios, chosen, known), begin)

    def open_sweeps(self, possible: Callable[[], Mapping[str, Scenario]]) -> None:
        """Show the newest sweep; `possible`: gives the scenarios that another one could be asked for."""
        from tui.screens.sweeps import SweepsScreen

        if isinstance(self.screen, SweepsScreen):
            self.screen.show_newest()
        else:
            self.push_screen(SweepsScreen(possible))

    def start_sweep(self, words: list[str]) -> bool:
        """Put a sweep in the queue: it begins when what was started before has ended."""
        from repro.queue import tickets

        names = ", ".join(words[1 : words.index("--seeds")])
        try:
            self.store.check_writable()
            tickets.add(self.store_path, f"the sweep of {names}", "", 0, ticket_words(words))
        except Exception as error:
            self.say(str(error), "error", 15)
            return False
        self.work_queue()
        self.say(f"the sweep {'waits for the run before' if self.going_on() else 'begins'}")
        return True

    def stop_sweeps(self) -> None:
        """Ask all sweeps that go on to end: their runs keep checkpoints."""
        from repro.sweep.record import sweeps

        for one in sweeps(self.store):
            if one.is_running():
                with contextlib.suppress(OSError):
                    one.request_stop()

    def resume_run(self, summary: RunSummary) -> None:
        """Go on with a run from its last checkpoint."""
        from repro.queue import tickets

        try:
            tickets.add(
                self.store_path,
                summary.scenario,
                summary.environment,
                summary.seed,
                ["resume", summary.id, "--json", "--plain"],
            )
        except OSError as error:
            self.say(f"the store cannot be written ({error.strerror})", "error")
            return
        self.work_queue()
        self.say(f"{summary.scenario}: goes on from its last checkpoint  {self.same('resume', summary.id)}")

    def work_queue(self, first: list[str] | None = None) -> None:
        """See that somebody works the queue off. `first`: words of the ticket that a warm worker may be there for."""
        from repro.queue import tickets

        try:
            idle = not self._is_busy() and not tickets.is_worked_on(self.store_path)
            if not (first and idle and self.warming is not None and self.warming.go(first)):
                tickets.start_working(self.store_path)
        except OSError as error:
            self.say(f"the queue cannot be worked off ({error.strerror})", "error")
        self.look_now()

    def stop_run(self, run_id: str) -> None:
        """Ask a run to keep a checkpoint and end."""
        try:
            self.run_directory(run_id).request_stop()
        except OSError as error:
            self.say(f"the run cannot be asked to stop ({error.strerror})", "error")
        else:
            self.say(f"stopping after this epoch, with a checkpoint  {self.same('stop', run_id)}")
        self.look_now()

    # -- what every screen can do

    def same(self, command: str, run_id: str) -> str:
        """The command line that does to a run what was just done, for a notice."""
        from tui.commands import show, store_option

        return f"$ {show([command, run_id.rpartition('-')[2], *store_option(self.store_path)])}"

    def say(self, text: str, severity: Any = "information", seconds: float = 5) -> None:
        """A notice; text from files never becomes markup."""
        self.notify(plain(text, 400), severity=severity, timeout=seconds, markup=False)

    def action_go(self, place: str) -> None:
        """Go to one of the places; what lies upon it is closed."""
        self.switch_mode(place)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def pop_screen(self) -> AwaitComplete:
        """Close the screen on top, with all that was drawn of it.

        Textual keeps the lines of up to 1024 widgets that are gone: `get_inner_outer` is cached by its own `self`
        (Textual's issue 6665).
        """
        try:
            return super().pop_screen()
        finally:
            StylesCache.get_inner_outer.cache_clear()

    def open_run(self, run_id: str) -> None:
        """Show one run."""
        from tui.screens.run import RunScreen

        self.push_screen(RunScreen(run_id))

    def open_report(self, run_ids: list[str]) -> None:
        """Show what an export of these runs would hold."""
        from tui.screens.report import ReportScreen

        self.push_screen(ReportScreen(run_ids))

    def action_copy_command(self) -> None:
        """Copy the command line."""
        command = getattr(self.screen, "command", "")  # a dialog may show one, too
        if isinstance(command, str):
            self.copy_out(command, "the command line")

    def copy_out(self, text: str, what: str) -> None:
        """To the terminal's clipboard, which never answers, and always to a file too."""
        if not text:
            return
        self.copy_to_clipboard(text)
        file = self._written("copied.txt", text + "\n")
        where = f"; also in {file}" if file else ""
        self.say(f"copied {what}{where}")

    def _written(self, name: str, text: str) -> Path | None:
        """Write a file of the user's: state folder, else the temporary one."""
        import tempfile

        import platformdirs

        folders = [Path(tempfile.gettempdir()) / f"repro-{os.getuid()}"]
        with contextlib.suppress(RuntimeError):  # no home
            folders.insert(0, self._config_folder or Path(platformdirs.user_state_dir("repro", appauthor=False)))
        for folder in folders:
            with contextlib.suppress(OSError):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                (folder / name).write_text(text, encoding="utf-8")
                return folder / name
        return None

    def action_save_picture(self) -> None:
        """Save the screen as SVG."""
        file = self._written(time.strftime("screen-%Y%m%d-%H%M%S.svg"), self.export_screenshot(title="repro"))
        self.say(f"saved {file}" if file else "no folder can be written", "information" if file else "error")

    def action_next_theme(self) -> None:
        """The next theme."""
        names = list(NAMES)
        self.use_theme(names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0])

    def use_theme(self, name: str) -> None:
        """Change the theme and keep it."""
        self.theme = name
        self.settings.theme = name
        self.keep_settings()
        self.say(f"theme: {NAMES[name]}")

    def toggle_animation(self) -> None:
        """Turn animation on or off and keep it."""
        self.settings.animation = not self.settings.animation
        self.animation_level = "full" if self.settings.animation else "none"
        self.keep_settings()
        self.say(f"animation is {'on' if self.settings.animation else 'off'}")

    def keep_settings(self) -> None:
        """Write the settings; a folder that cannot be written is no fault."""
        settings.save(self.settings, self._config_folder)

    def action_help(self) -> None:
        """Keys and help."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Palette entries, "Area: Verb object" with its key, from the table that dispatch, footer and help use."""
        seen = set()
        for node, binding, enabled, _ in screen.active_bindings.values():
            if binding.id is None or not binding.tooltip or not enabled or binding.id in seen:
                continue
            if binding.id in ("command.find",):
                continue
            seen.add(binding.id)
            area = binding.id.partition(".")[0].capitalize()
            shown = self.get_key_display(binding)
            yield SystemCommand(
                f"{area}: {binding.tooltip}", shown, lambda n=node, a=binding.action: self.run_action(a, n)
            )
        for name, short in NAMES.items():
            yield SystemCommand(f"View: Use theme {short}", "", lambda n=name: self.use_theme(n))
        yield SystemCommand("View: Turn animation on or off", "", self.toggle_animation)
        yield SystemCommand("Queue: Turn warming up of a worker on or off", "", self.toggle_warming)
        if self.waiting():
            yield SystemCommand("Queue: Go on with what waits", "", self.work_queue)
            yield SystemCommand("Queue: Drop what waits", "", self.drop_queue)

    def drop_queue(self) -> None:
        """Take back all runs that wait."""
        waiting = self.waiting()
        for ticket in waiting:
            self._cancel(ticket)
        self.say(f"{len(waiting)} waiting runs dropped")
        self.look_now()

    async def action_leave(self) -> None:
        """Leave; ask where runs go on."""
        from tui.screens.leave import LeaveScreen

        if isinstance(self.screen, LeaveScreen):
            return
        if self.going_on() or self.waiting() or any(ticket.started for ticket in self.tickets):
            self.push_screen(LeaveScreen())
        else:
            self.exit(0)


def _cause(error: Exception) -> Exception:
    """What a screen's thread failed with, out of what Textual wraps it in."""
    return error.error if isinstance(error, WorkerFailed) and isinstance(error.error, Exception) else error


def _mind_terminal(descriptor: int) -> None:
    """End the process when its terminal is gone. Textual's writer ends then, and the program waits for it for ever."""
    import termios

    while True:
        time.sleep(TERMINAL_SECONDS)
        try:
            termios.tcgetattr(descriptor)
        except termios.error:
            os._exit(_EXIT_BY_SIGNAL[signal.SIGHUP])


def environment_names() -> list[str]:
    """Names of the shipped environments, the default first; from the folders, without reading them."""
    found = sorted(file.parent.name for file in shipped.folder("environments").glob("*/environment.yaml"))
    return sorted(found, key=lambda name: name != "keras-3")


def main(store: Path | None = None) -> int:
    """Run the program until it is left; the exit code."""
    path = store or Path(os.environ.get("REPRO_STORE") or "runs")
    app = ReproApp(path)
    found = app.run()
    return found if found is not None else (app.return_code or 0)
