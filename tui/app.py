"""The program: its screens, keys, signals and command palette, and how one leaves."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ScreenStackError, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen

from repro.base.text import one_line
from tui.host import Severity
from tui.keys import key
from tui.screens.base import ReproScreen
from tui.screens.library import LibraryScreen
from tui.session import Session
from tui.textual_fixes import EXIT_BY_SIGNAL, PatchedApp
from tui.themes import NAMES, NORMAL, THEMES

if TYPE_CHECKING:
    from textual.command import Provider

    from tui.watchers import StoreUpdate

POOL_THREADS = 4  # for all that screens read and compute beside the keys; asyncio's own pool has up to 32
STANDBY_DELAY_SECONDS = 1.0  # nothing of it before the first paint
STANDBY_SECONDS = 0.5


class StoreChanged(Message):
    """The watcher saw something new."""

    def __init__(self, update: StoreUpdate) -> None:
        super().__init__()
        self.update = update


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


class ReproApp(PatchedApp, inherit_bindings=False):
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
        self.session = Session(self, store, config_folder)
        for theme in THEMES:
            self.register_theme(theme)
        theme_name = self.session.settings.theme
        self.apply_theme(theme_name if theme_name in NAMES else NORMAL, default=NORMAL)
        if not self.session.settings.animation:
            self.animation_level = "none"
        self._shown_as_ready = False

    # -- start and end

    def get_default_screen(self) -> Screen[Any]:
        """Return the library. As the screen of a mode, Textual would parse all styles once more before showing it."""
        return LibraryScreen()

    def on_mount(self) -> None:
        import asyncio
        from concurrent.futures import ThreadPoolExecutor

        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(POOL_THREADS, "pool"))
        self.add_mode("library", LibraryScreen)
        if threading.current_thread() is threading.main_thread():
            for number, code in EXIT_BY_SIGNAL.items():
                with contextlib.suppress(NotImplementedError, RuntimeError):
                    loop.add_signal_handler(number, self._leave_by_signal, code)
        self.watch_terminal()
        if not self.is_headless:
            self.set_timer(STANDBY_DELAY_SECONDS, self.start_standby)
        self.call_after_refresh(self._watch)

    def _leave_by_signal(self, code: int) -> None:
        """Leave; the runs belong to their supervisors and are not affected."""
        self.exit(code, return_code=code)

    def _watch(self) -> None:
        if not gc.isenabled():  # see tui.start
            gc.freeze()
            gc.enable()
        self.session.watch(lambda update: self.post_message(StoreChanged(update)))

    def on_unmount(self) -> None:
        self.session.close()

    def start_standby(self) -> None:
        """From now on keep a worker ready for the run that would be started."""
        self.session.queue.start_standby(is_on=self.session.settings.warm)
        self.set_interval(STANDBY_SECONDS, self._update_standby)

    def _update_standby(self) -> None:
        if not self.session.loaded:
            return
        queue = self.session.queue
        queue.update_standby()
        screen = self.screen
        if queue.is_standby_ready != self._shown_as_ready and isinstance(screen, ReproScreen):
            self._shown_as_ready = queue.is_standby_ready
            if screen.is_composed:
                screen.show_activity()

    def on_store_changed(self, message: StoreChanged) -> None:
        self.session.apply(message.update)
        try:
            screen = self.screen
        except ScreenStackError:  # the program is ending
            return
        if isinstance(screen, ReproScreen) and screen.is_composed:
            screen.show_activity()
            screen.store_changed()

    # -- what sessions and screens ask of the program

    def say(self, text: str, severity: Severity = "information", seconds: float = 5) -> None:
        """Show a notice; text from files never becomes markup."""
        self.notify(one_line(text, 400), severity=severity, timeout=seconds, markup=False)

    def has_training_screen(self) -> bool:
        """Whether a screen has a TensorFlow of its own at work."""
        return any(isinstance(screen, ReproScreen) and screen.TRAINS for screen in self.screen_stack)

    def go(self, mode: str) -> None:
        """Go to one of the four places and close the screens above it."""
        self.switch_mode(mode)
        while len(self.screen_stack) > 1:
            self.pop_screen()

    def open_run(self, run_id: str) -> None:
        """Show one run."""
        from tui.screens.run import RunScreen

        self.push_screen(RunScreen(run_id))

    def open_report(self, run_ids: list[str]) -> None:
        """Show what an export of these runs would hold."""
        from tui.screens.report import ReportScreen

        self.push_screen(ReportScreen(run_ids))

    # -- keys

    def action_go(self, mode: str) -> None:
        """Go to one of the four places."""
        self.go(mode)

    def action_copy_command(self) -> None:
        """Copy the command line."""
        command = getattr(self.screen, "command", "")  # a dialog may show one, too
        if isinstance(command, str):
            self.session.copy_out(command, "the command line")

    def action_save_picture(self) -> None:
        """Save the screen as SVG."""
        picture = self.export_screenshot(title="repro")
        file = self.session.write_file(time.strftime("screen-%Y%m%d-%H%M%S.svg"), picture)
        self.say(f"saved {file}" if file else "no folder can be written", "information" if file else "error")

    def action_next_theme(self) -> None:
        """Change to the next theme."""
        names = list(NAMES)
        self.use_theme(names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0])

    def use_theme(self, name: str) -> None:
        """Change the theme and remember it."""
        self.theme = name
        self.session.settings.theme = name
        self.session.keep_settings()
        self.say(f"theme: {NAMES[name]}")

    def toggle_animation(self) -> None:
        """Turn animation on or off and remember it."""
        settings = self.session.settings
        settings.animation = not settings.animation
        self.animation_level = "full" if settings.animation else "none"
        self.session.keep_settings()
        self.say(f"animation is {'on' if settings.animation else 'off'}")

    def action_help(self) -> None:
        """Show keys and help."""
        from tui.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Yield the palette's entries, "Area: Verb object" with its key, from the table that footer and help use."""
        shown = {"command.find"}
        for node, binding, enabled, _ in screen.active_bindings.values():
            if binding.id is None or not binding.tooltip or not enabled or binding.id in shown:
                continue
            shown.add(binding.id)
            area = binding.id.partition(".")[0].capitalize()
            keys = self.get_key_display(binding)
            yield SystemCommand(
                f"{area}: {binding.tooltip}", keys, lambda n=node, a=binding.action: self.run_action(a, n)
            )
        for name, short in NAMES.items():
            yield SystemCommand(f"View: Use theme {short}", "", lambda n=name: self.use_theme(n))
        yield SystemCommand("View: Turn animation on or off", "", self.toggle_animation)
        yield SystemCommand("Queue: Turn warming up of a worker on or off", "", self.session.toggle_standby)
        if self.session.queue.waiting():
            yield SystemCommand("Queue: Go on with what waits", "", self.session.queue.work)
            yield SystemCommand("Queue: Drop what waits", "", self.session.queue.drop)

    async def action_leave(self) -> None:
        """Leave; ask first if anything runs or waits."""
        from tui.screens.leave import LeaveScreen

        if isinstance(self.screen, LeaveScreen):
            return
        queue = self.session.queue
        if self.session.running() or queue.waiting() or queue.is_starting:
            self.push_screen(LeaveScreen())
        else:
            self.exit(0)


def main(store: Path | None = None) -> int:
    """Run the program until it is left; the exit code."""
    app = ReproApp(store or Path(os.environ.get("REPRO_STORE") or "runs"))
    code = app.run()
    return code if code is not None else (app.return_code or 0)
