"""Signals that would end a process that owns runs: collected, or turned into a stop of the runs."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

_COLLECTED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def collect_signals(received: list[signal.Signals]) -> Iterator[int]:
    """Append signals that would end the process to `received`; yields a descriptor that wakes a select."""
    read_end, write_end = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def collect(number: int, _: object) -> None:
        received.append(signal.Signals(number))

    handlers = {number: signal.signal(number, collect) for number in _COLLECTED}
    wakeup = signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
    try:
        yield read_end
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(read_end)
        os.close(write_end)


@contextlib.contextmanager
def stop_on_signals(stop: Callable[[], object]) -> Iterator[None]:
    """While inside, call `stop` on a signal that would end the process, so that runs keep their checkpoints."""
    handlers = {number: signal.signal(number, lambda *_: stop()) for number in _COLLECTED}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
