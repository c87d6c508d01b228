"""From run directories to messages: what the store holds, and one run as it grows. Nothing here touches a widget."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from repro.base.errors import InputError, ReproError
from repro.queue import tickets
from repro.runs import events, layout
from repro.runs.directory import RunDirectory
from repro.runs.estimate import Timing, read_timing
from repro.runs.event_reader import EventReader
from repro.runs.progress import Progress
from repro.runs.records import Result, RunRecord
from repro.runs.store import Store
from repro.runs.summary import ENDED, RunSummary, summarise
from repro.runs.view import RunView
from repro.scenario.script_types import AnyScenario

_SIGNS_OF_LIFE = (events.RunStarted, events.Heartbeat, events.RunEnded)
_DETAILS = (events.Evaluated, events.Validated, events.Predicted, events.BatchNormMeasured)


@dataclass
class StoreUpdate:
    """What changed in the store since the last news."""

    ids: list[str] | None = None
    summaries: list[RunSummary] = field(default_factory=list)
    tickets: list[tickets.Ticket] | None = None
    error: str | None = None
    timings: list[Timing] = field(default_factory=list)


class StoreWatcher:
    """Looks at the store in a thread of its own: names first, then the newest runs, then what changes."""

    TIMINGS_AT_A_LOOK = 8

    def __init__(self, path: Path, environments: Sequence[str], publish: Callable[[StoreUpdate], None]) -> None:
        self.store = Store(path)
        self._environments = environments
        self._publish = publish
        self._ids: list[str] = []
        self._looked = False
        self._done: dict[str, RunSummary] = {}
        self._open: dict[str, tuple[EventReader, Progress]] = {}
        self._seen: dict[str, object] = {}
        self._tickets: list[tickets.Ticket] = []
        self._error: str | None = None
        self._timed: set[str] = set()
        self._may_have_timings = True
        self.looks = 0  # how many have come to their end: tests wait for more
        self._stop = threading.Event()
        self._wake = threading.Event()

    @property
    def is_stopped(self) -> bool:
        """Whether the thread is to end."""
        return self._stop.is_set()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop.set()
        self._wake.set()

    def refresh(self) -> None:
        """Do not wait for the next look."""
        self._wake.set()

    def run(self, interval: float = 1.0) -> None:
        """Look until stopped."""
        while not self._stop.is_set():
            self.look()
            self.looks += 1
            self._wake.wait(interval)
            self._wake.clear()

    def look(self) -> None:
        """One look at everything; tells only what changed."""
        try:
            ids = [run.id for run in reversed(self.store.runs())]
            error = None
        except ReproError as fault:
            ids, error = [], str(fault)
        waiting = tickets.tickets(self.store.path)
        news = StoreUpdate()
        if ids != self._ids or error != self._error or not self._looked:
            self._looked = True
            news.ids, news.error = ids, error
            gone = set(self._ids) - set(ids)
            for run_id in gone:
                self._done.pop(run_id, None)
                self._open.pop(run_id, None)
            self._ids, self._error = ids, error
        if waiting != self._tickets:
            news.tickets = self._tickets = waiting
        if news.ids is not None or news.tickets is not None:
            self._publish(news)
        batch: list[RunSummary] = []
        for run_id in ids:
            if self._stop.is_set():
                return
            summary = self._look_at(RunDirectory(self.store.path / run_id))
            if summary is not None:
                batch.append(summary)
            if len(batch) >= 40:
                self._publish(StoreUpdate(summaries=batch))
                batch = []
                time.sleep(0.002)  # lets the screen's thread have the interpreter lock
        if batch:
            self._publish(StoreUpdate(summaries=batch))
        if self._may_have_timings:
            self._read_timings()

    def _look_at(self, run: RunDirectory) -> RunSummary | None:
        """A summary where it changed."""
        known = self._done.get(run.id)
        if known is not None and known.state == "finished":
            return None
        locked = run.is_locked()
        print_ = (locked, _stamp(run.file(layout.EVENTS)), _stamp(run.file(layout.RESULT)))
        if known is not None and known.state in ENDED and print_ == self._seen.get(run.id):
            return None
        self._seen[run.id] = print_
        progress = None
        if locked:
            with contextlib.suppress(msgspec.DecodeError, OSError):
                reader, progress = self._open.setdefault(run.id, (run.reader(), Progress()))
                while more := reader.read():
                    progress.extend(event for event in more if not isinstance(event, _DETAILS))
        else:
            self._open.pop(run.id, None)
        summary = summarise(RunView(run, progress), self._environments)
        if summary == known:
            return None
        self._done[run.id] = summary
        self._may_have_timings = self._may_have_timings or summary.state == "finished"
        return summary

    def _read_timings(self) -> None:
        """Read what the newest finished run of each kind took, a few at each look."""
        kinds: set[tuple[str, str, str]] = set()
        timings: list[Timing] = []
        attempts = 0
        for run_id in self._ids:
            summary = self._done.get(run_id)
            if summary is None or summary.state != "finished" or summary.derived_from is not None:
                continue
            kind = (summary.scenario_sha256, summary.environment, summary.device)
            if kind in kinds:
                continue
            kinds.add(kind)
            if run_id in self._timed:
                continue
            if attempts == self.TIMINGS_AT_A_LOOK:
                break
            attempts += 1
            self._timed.add(run_id)
            with contextlib.suppress(ReproError, OSError):
                timing = read_timing(RunDirectory(self.store.path / run_id), summary)
                timings += [timing] if timing is not None else []
        self._may_have_timings = attempts == self.TIMINGS_AT_A_LOOK
        if timings:
            self._publish(StoreUpdate(timings=timings))


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


@dataclass
class RunNews:
    """What came since the last news of a run."""

    events: list[events.AnyEvent] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    state: str | None = None
    record: RunRecord | None = None
    scenario: AnyScenario | None = None
    result: Result | None = None
    damage: str = ""
    behind: bool = False


class RunFollower:
    """Reads one run's events and log in a thread of its own, in pieces that a screen digests without a stutter."""

    PIECE = 256 * 1024
    LOG_TAIL = 64 * 1024

    def __init__(self, run: RunDirectory, publish: Callable[[RunNews], None]) -> None:
        self.run_directory = run
        self._publish = publish
        self._reader = run.reader()
        self._log_offset: int | None = None
        self._log_rest = b""
        self._state: str | None = None
        self._record: RunRecord | None = None
        self._damage = ""
        self._broken = False
        self._progress = Progress()
        self.looks = 0  # how many found nothing new: tests wait for more
        self._stop = threading.Event()

    def stop(self) -> None:
        """End the thread soon."""
        self._stop.set()

    def run(self, interval: float = 0.2) -> None:
        """Follow until stopped. A run that ended is looked at less often: it may be resumed."""
        while not self._stop.is_set():
            more = self.look()
            if not more:
                self.looks += 1
                self._stop.wait(1.0 if self._state in ENDED else interval)

    def look(self) -> bool:
        """One look; whether there is more to read at once."""
        if self._broken:
            return False
        news = RunNews()
        if self._record is None:
            try:
                self._record = news.record = self.run_directory.record()
            except (InputError, OSError) as error:
                self._be_damaged(str(error))
                return False
            with contextlib.suppress(InputError):
                news.scenario = self.run_directory.scenario()
        try:
            news.events = self._reader.read(self.PIECE)
        except (msgspec.DecodeError, OSError) as error:
            self._broken = True
            self._be_damaged(f"{self.run_directory.file(layout.EVENTS)}: damaged ({error})")
            return False
        self._progress.extend(event for event in news.events if isinstance(event, _SIGNS_OF_LIFE))
        news.behind = bool(news.events) and self._has_more()
        news.log = self._read_log()
        if not news.behind:
            state = self.run_directory.state(self._progress)
            if state != self._state:
                self._state = news.state = state
                if state == "finished":
                    with contextlib.suppress(InputError, OSError):
                        news.result = self.run_directory.result()
        if news.events or news.log or news.state or news.record:
            self._publish(news)
        return news.behind

    def _has_more(self) -> bool:
        try:
            return self.run_directory.file(layout.EVENTS).stat().st_size - self._reader.offset > 4096
        except OSError:
            return False

    def _be_damaged(self, reason: str) -> None:
        if self._damage != reason:
            self._damage = reason
            self._state = "damaged"
            self._publish(RunNews(state="damaged", damage=reason, log=self._read_log()))

    def _read_log(self) -> list[str]:
        """Whole lines of worker.log that came; of an old log only the tail."""
        with contextlib.suppress(OSError), self.run_directory.file(layout.WORKER_LOG).open("rb") as stream:
            length = stream.seek(0, 2)
            if self._log_offset is None or length < self._log_offset:
                self._log_offset = max(0, length - self.LOG_TAIL)
            start = max(self._log_offset, length - 4 * self.LOG_TAIL)
            stream.seek(start)
            data = self._log_rest + stream.read(length - start)
            self._log_offset = length
            *lines, self._log_rest = data.split(b"\n")
            if len(self._log_rest) > self.LOG_TAIL:
                self._log_rest = b""
            if self._state in ENDED and self._log_rest:
                lines, self._log_rest = [*lines, self._log_rest], b""
            return [line.rpartition(b"\r")[2].decode("utf-8", "replace") for line in lines]
        return []
