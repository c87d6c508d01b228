"""Writes the event log of a run."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable

import msgspec

from repro.runs import events, layout
from repro.runs.directory import RunDirectory
from repro.runs.event_reader import EventReader
from repro.runs.progress import Progress

OnEvent = Callable[[events.AnyEvent], None]


def ignore_event(_: events.AnyEvent) -> None:
    """Do nothing: for a run that no caller watches."""


class SteadyClock:
    """Wall-clock seconds that never decrease: the time at construction plus the monotonic time since."""

    def __init__(self) -> None:
        self._offset = time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)

    def now(self) -> float:
        """Return the time in seconds since the epoch."""
        return self._offset + time.clock_gettime(time.CLOCK_BOOTTIME)


class EventLog:
    """Appends events to `events.jsonl` and folds them; a line that cannot be written completely is removed again."""

    def __init__(self, run: RunDirectory, on_event: OnEvent) -> None:
        self.path = run.file(layout.EVENTS)
        self.progress = Progress()
        self.clock = SteadyClock()
        self._next_seq = 0
        self._latest = 0.0
        self._on_event = on_event
        self._continue_after(run.reader())
        self._stream = self.path.open("ab", buffering=0)

    def _continue_after(self, reader: EventReader) -> None:
        """Fold the events of earlier attempts and cut off a torn last line."""
        while batch := reader.read():
            self.progress.extend(batch)
            self._next_seq = batch[-1].seq + 1
        if self.path.exists() and self.path.stat().st_size != reader.offset:
            os.truncate(self.path, reader.offset)

    def add(self, event: events.AnyEvent) -> None:
        """Number, date, write and publish one event; OSError if it cannot be written."""
        self._write(event, time.time() if isinstance(event, events.Heartbeat) else self.clock.now())

    def relay(self, event: events.AnyEvent) -> None:
        """Number, write and publish an event that another process of this machine dated; OSError as for `add`."""
        self._write(event, max(event.time, self._latest))

    def _write(self, event: events.AnyEvent, time_: float) -> None:
        self._latest = max(self._latest, time_)
        event = msgspec.structs.replace(event, seq=self._next_seq, time=time_)
        line = memoryview(events.encode(event))
        start = self._stream.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._stream.write(line) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._stream.truncate(start)
            raise
        self._next_seq += 1
        self.publish(event)

    def publish(self, event: events.AnyEvent) -> None:
        """Fold one event and pass it to the listener, without writing it."""
        self.progress.take(event)
        try:
            self._on_event(event)
        except OSError:  # the listener's terminal or pipe is closed; the run continues without it
            self._on_event = ignore_event

    def sync(self) -> None:
        """Flush the log to the disk, so that it survives a power cut."""
        os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
