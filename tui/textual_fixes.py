"""Work-arounds for Textual, most of them by its private names; the rest of the program uses none of those.

Textual is pinned to 8.2.8, the version in which each fault was seen. After an update, take each out and see whether its
fault is gone (the tests named here fail then if it is not), and look for the private names in Textual's source.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING

from textual._styles_cache import StylesCache
from textual.app import App, ScreenStackError
from textual.await_complete import AwaitComplete
from textual.css.query import NoMatches
from textual.drivers.linux_driver import LinuxDriver
from textual.events import Resize
from textual.worker import WorkerFailed

if TYPE_CHECKING:
    from textual.driver import Driver

TERMINAL_SECONDS = 1.0
SIZE_SECONDS = 0.5
EXIT_BY_SIGNAL = {signal.SIGTERM: 143, signal.SIGHUP: 129}


class OneSizeDriver(LinuxDriver):
    """Textual's driver, with the size that Rich's console tells. Private: `_app`, `_get_terminal_size`.

    For a terminal that says 0x0, as a container's may, Textual's own driver says 80x24 and the console 80x25: a program
    that hears of the one and asks for the other draws for ever, and no signal ends it (tests/screens/test_terminal.py).
    """

    def _get_terminal_size(self) -> tuple[int, int]:
        width, height = self._app.console.size
        return width, height


class PatchedApp(App[int], inherit_bindings=False):
    """Textual's App without the faults that this program meets."""

    def get_driver_class(self) -> type[Driver]:
        """Return `OneSizeDriver` in place of Textual's driver for a terminal."""
        driver = super().get_driver_class()
        return OneSizeDriver if driver is LinuxDriver else driver

    def pop_screen(self) -> AwaitComplete:
        """Close the screen on top, with all that was drawn of it. Private: `textual._styles_cache.StylesCache`.

        Textual keeps the lines of up to 1024 widgets that are gone: `get_inner_outer` is cached by its own `self`
        (Textual's issue 6665; tests/screens/test_app.py).
        """
        try:
            return super().pop_screen()
        finally:
            StylesCache.get_inner_outer.cache_clear()

    def apply_theme(self, theme: str, default: str) -> None:
        """Set the theme to start with. Setting the default like any other parses all styles a second time (40 ms)."""
        if theme == default:
            self.set_reactive(App.theme, theme)
            self.stylesheet.set_variables(self.get_css_variables())
        else:
            self.theme = theme

    def resync_size(self) -> None:
        """Tell the screen its size if it missed it.

        Textual passes a change of size on by a timer of 8 ms. A timer that starts too late never fires, and then no
        later change is passed on either: on a busy machine the screen stays as it was.
        """
        with contextlib.suppress(ScreenStackError):
            if self.screen.is_mounted and self.screen.outer_size != self.size:
                self.screen.post_message(Resize(self.size, self.size))

    def watch_terminal(self) -> None:
        """Keep the size true, and end with the terminal and with the first of the program's threads that fails."""
        self.set_interval(SIZE_SECONDS, self.resync_size)
        if self.is_headless:
            return
        threading.excepthook = self._thread_failed  # otherwise what it read would stay on the screen, unnoticed
        if sys.stdin.isatty():
            arguments = (sys.stdin.fileno(),)
            threading.Thread(target=exit_on_hangup, args=arguments, name="terminal", daemon=True).start()

    def _thread_failed(self, failure: threading.ExceptHookArgs) -> None:
        """Called in a thread that ends by an error. Textual's own do if the terminal is gone: see `exit_on_hangup`."""
        is_ours = failure.thread is not None and not failure.thread.name.startswith("textual-")
        if is_ours and isinstance(failure.exc_value, Exception):
            with contextlib.suppress(RuntimeError):  # the loop is closed
                self.call_later(self._handle_exception, failure.exc_value)

    def _handle_exception(self, error: Exception) -> None:
        """Called by Textual with an error that nothing caught. Private: `App._handle_exception`, `App._exit`.

        Textual mounts no widgets any more once the program is being left: a screen that was opened in that moment, its
        command palette too, does not find them, and that is no defect.
        """
        if not (self._exit and isinstance(_cause(error), NoMatches)):
            super()._handle_exception(error)

    def _fatal_error(self) -> None:
        """Called by Textual to print its traceback: one line and a file take its place.

        Private: `App._fatal_error`, `_exception`, `_exit_renderables`, `_return_code`, `_close_messages_no_wait`.
        """
        from rich.text import Text

        from repro.base import defects
        from repro.base.errors import ExitCode

        assert self._exception is not None
        line = f"repro: {defects.keep(_cause(self._exception))}; runs that go on are not touched"
        self._exit_renderables.append(Text(line, no_wrap=True, overflow="ignore"))
        self._return_code = int(ExitCode.ENDED_EARLY)
        self._close_messages_no_wait()


def _cause(error: Exception) -> Exception:
    """The error of a screen's thread, without what Textual wraps it in."""
    return error.error if isinstance(error, WorkerFailed) and isinstance(error.error, Exception) else error


def exit_on_hangup(descriptor: int) -> None:
    """End the process when its terminal is gone. Textual's writer ends then, and the program waits for it for ever."""
    import termios

    while True:
        time.sleep(TERMINAL_SECONDS)
        try:
            termios.tcgetattr(descriptor)
        except termios.error:
            os._exit(EXIT_BY_SIGNAL[signal.SIGHUP])
