"""Restores a terminal even if the program that drew on it was killed."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from collections.abc import Iterator
from typing import NoReturn

# End a string that was cut off; kitty's keys, then what belongs to the ordinary screen: mouse, focus, paste, size
# reports, synchronized output, colours, wrapping, and the cursor.
_RESET = b"\x1b\\\x1b[<u\x1b[?1049l" + b"".join(
    b"\x1b[?%dl" % mode for mode in (1000, 1002, 1003, 1006, 1015, 1016, 1004, 2004, 2048, 2026)
)
_RESET += b"\x1b[0m\x1b[?7h\x1b[?25h"
_PATIENCE_SECONDS = 5


@contextlib.contextmanager
def guarded(descriptor: int) -> Iterator[None]:
    """Keep a small process waiting that restores the terminal if this one ends within the context.

    Enter it before threads are started: it forks without exec, which takes a millisecond and no memory.
    """
    modes = termios.tcgetattr(descriptor)
    read_end, write_end = os.pipe()
    guard = os.fork()
    if guard == 0:
        _guard(read_end, descriptor, modes)
    os.close(read_end)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.write(write_end, b".")
        os.close(write_end)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(guard, 0)


def _guard(read_end: int, descriptor: int, modes: list[int | list[bytes | int]]) -> NoReturn:
    """Wait for a byte, or for the end of the process that would have sent it. Never returns."""
    try:
        os.setsid()  # no key of the terminal reaches it
        pipe, terminal = os.dup2(read_end, 3), os.dup2(descriptor, 4)
        os.closerange(0, 3)
        os.closerange(5, os.sysconf("SC_OPEN_MAX"))  # locks and pipes are others'
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        if not os.read(pipe, 1):
            signal.alarm(_PATIENCE_SECONDS)  # do not wait for a terminal that no program reads
            termios.tcsetattr(terminal, termios.TCSANOW, modes)
            termios.tcflush(terminal, termios.TCIFLUSH)  # reports of the mouse are not for the shell
            os.write(terminal, _RESET)
    finally:
        os._exit(0)
