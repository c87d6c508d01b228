"""One run as a directory: its files, its state, its lock. Readers need nothing but the directory."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeVar

import msgspec

from repro.base.decoding import decode_json
from repro.base.errors import InputError
from repro.base.files import is_locked
from repro.base.text import one_line
from repro.runs import events, layout
from repro.runs.event_reader import EventReader
from repro.runs.heartbeat import is_foreign
from repro.runs.progress import Progress
from repro.runs.records import FORMAT, Result, RunRecord, State

if TYPE_CHECKING:
    from repro.scenario.script_types import AnyScenario
    from repro.scenario.types import Scenario

T = TypeVar("T")

RESERVE_BYTES = 16 * 1024
# A million epochs are 40 MB of numbers.
MAX_RECORD_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class RunDirectory:
    """One run as a plain directory."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    def file(self, name: str) -> Path:
        """Return the path of a file of the run; `layout` has the names."""
        return self.path / name

    def record(self) -> RunRecord:
        """Read run.json; InputError if it is damaged or of a newer format."""
        record = read_json(self.path, layout.RECORD, RunRecord)
        if record is None:
            raise unreadable(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)), self.file(layout.RECORD))
        return record

    def named_record(self) -> RunRecord:
        """Read run.json of a run in a store; InputError also if its folder was renamed."""
        return self.require_own_name(self.record())

    def require_own_name(self, record: RunRecord) -> RunRecord:
        """Return `record`; InputError if it names another run than this folder."""
        if record.id != self.id:
            what = f"says that it is {one_line(record.id, 80)}"
            raise InputError(what, do="give the folder its name back", file=self.file(layout.RECORD))
        return record

    def scenario(self) -> AnyScenario | None:
        """Read the scenario that the run was made from; None for a recording, which has none.

        InputError if it cannot be read. Its claims may name environments that are unknown here.
        """
        from repro.scenario import load  # PyYAML takes 10 ms, and a list of runs reads no scenario

        file = self.file(layout.SCENARIO)
        if not file.exists() and self.is_recording():
            return None
        return load.of_run(file)

    def require_scenario(self) -> Scenario:
        """Read the scenario of images that the run was made from; InputError for a run whose training is a program."""
        from repro.scenario.script_types import ScriptScenario

        scenario = self.require_any_scenario()
        if isinstance(scenario, ScriptScenario):
            what = f"the run {self.id} is a program's training, not one of images"
            raise InputError(what, do="choose a run of a scenario with images")
        return scenario

    def require_any_scenario(self) -> AnyScenario:
        """Read the scenario that the run was made from; InputError for a recording, which has none."""
        scenario = self.scenario()
        if scenario is None:
            raise InputError(f"the run {self.id} is a recording: it has no scenario", do="choose a run of a scenario")
        return scenario

    def is_recording(self) -> bool:
        """Return whether run.json says that a program made the run, recorded; False if it cannot be read."""
        try:
            return self.record().is_recording
        except InputError:
            return False

    def has_result(self) -> bool:
        """Return whether result.json exists, as far as its folder can be read."""
        try:
            self.file(layout.RESULT).stat()
        except OSError:
            return False
        return True

    def result(self) -> Result | None:
        """Read result.json; None while the run is not finished, InputError if it is damaged."""
        return read_json(self.path, layout.RESULT, Result)

    def environment_files(self) -> list[Path]:
        """Return the environment records of all attempts, in no particular order."""
        return list(self.path.glob(layout.ALL_ENVIRONMENTS))

    def reader(self) -> EventReader:
        """Return a reader of the events, from the first one."""
        return EventReader(self.file(layout.EVENTS))

    def progress(self) -> Progress:
        """Fold all events so far; InputError if they are damaged."""
        progress = Progress()
        reader = self.reader()
        try:
            while batch := reader.read():
                progress.extend(batch)
        except OSError as error:
            raise unreadable(error, self.file(layout.EVENTS)) from None
        except msgspec.DecodeError as error:
            raise InputError(
                f"damaged ({one_line(str(error))})", do="delete the run", file=self.file(layout.EVENTS)
            ) from None
        return progress

    def is_locked(self) -> bool:
        """Return whether a supervisor of this kernel holds the run."""
        return is_locked(self.file(layout.LOCK))

    def state(self, progress: Progress | None = None) -> State:
        """Return the run's state; `progress` saves reading the events. Never raises."""
        try:
            self.named_record()
            if self.result() is not None:
                return "finished"
            if self.is_locked():
                return "running"
            progress = progress if progress is not None else self.progress()
        except InputError:
            return "damaged"
        if progress.ended is not None and progress.ended.state != "finished":
            match progress.ended.state:
                case "failed" | "stopped" as ended:
                    return ended
                case _:
                    return "interrupted"
        return "elsewhere" if is_foreign(progress.last_heartbeat) else "interrupted"

    def request_stop(self) -> None:
        """Ask the supervisor, which polls for the file, to stop."""
        self.file(layout.STOP_REQUEST).touch()

    def acquire(self) -> IO[bytes]:
        """Hold the run's lock until the stream is closed; InputError if another process holds it."""
        stream = self.file(layout.LOCK).open("ab")
        for _ in range(20):
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return stream
            except BlockingIOError:
                time.sleep(0.02)  # a reader that asks whether it is locked holds it for an instant
        stream.close()
        raise InputError(f"the run {self.id} is running", do="watch it, or stop it first")

    def reserve(self) -> None:
        """Keep disk space for the last event, in the lock's file; OSError if there is none."""
        with self.file(layout.LOCK).open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, RESERVE_BYTES)

    def release_reserve(self) -> None:
        """Free the disk space that `reserve` kept."""
        os.truncate(self.file(layout.LOCK), 0)


def read_json(folder: Path, name: str, type_: type[T], most_bytes: int = MAX_RECORD_BYTES) -> T | None:
    """Read a JSON file of a run; None if there is none, InputError if it is damaged, too large or of a newer format.

    It uses plain strings and system calls: a list of ten thousand runs reads twenty thousand files in a second.
    """
    path = f"{folder}/{name}"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise InputError("damaged (not a regular file)", do="delete the run", file=path)
            if status.st_size > most_bytes:
                raise InputError(f"damaged (larger than {most_bytes >> 20} MiB)", do="delete the run", file=path)
            raw = os.read(descriptor, status.st_size + 1)
            while block := os.read(descriptor, 1 << 20):
                raw += block
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(error, path) from None
    try:
        require_format(path, raw)
        decoded: T = decode_json(raw, type_)
        return decoded
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"damaged ({one_line(str(error))})", do="delete the run", file=path) from None


def require_format(path: str, raw: bytes) -> None:
    """Raise InputError if a record is of a newer format, whatever else it holds; DecodeError if it has none."""
    head = decode_json(raw, _Head)
    if head.format > FORMAT:
        raise InputError(f"written in format {head.format}", do="update repro: this one reads 1", file=path)


def unreadable(error: OSError, path: Path | str) -> InputError:
    """Return the error for a file of a run that cannot be read."""
    if isinstance(error, PermissionError):
        return InputError("cannot be read (Permission denied)", do="ask whose run it is", file=path)
    return InputError(f"damaged ({error.strerror})", do="delete the run", file=path)


class _Head(msgspec.Struct):
    format: int


def follow(run: RunDirectory, poll_seconds: float = 0.2) -> Iterator[events.AnyEvent]:
    """Yield all events of a run as they come, until no process writes to it, on this machine or elsewhere."""
    reader = run.reader()
    beat: events.Heartbeat | events.RunStarted | None = None
    while True:
        alive = run.is_locked()
        batch = reader.read()
        for event in batch:
            if isinstance(event, events.Heartbeat | events.RunStarted):
                beat = event
            elif isinstance(event, events.RunEnded):
                beat = None
            yield event
        if not batch:
            if not alive and not is_foreign(beat):
                return
            time.sleep(poll_seconds)
