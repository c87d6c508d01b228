"""Textual's driver, with one size for the whole program."""

from __future__ import annotations

from textual.drivers.linux_driver import LinuxDriver


class OneSizeDriver(LinuxDriver):
    """Tells the size that Rich's console tells.

    Of a terminal that says 0x0, as a container's may, Textual's own driver says 80x24 and the console 80x25: a program
    that is told of the one and asks for the other draws for ever, and no signal ends it.
    """

    def _get_terminal_size(self) -> tuple[int, int]:
        width, height = self._app.console.size
        return width, height
