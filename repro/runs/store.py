"""The store: a folder of run directories, listed, found, deleted. Readers need nothing but the directory."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from repro.base.errors import InputError, UnusableError
from repro.base.files import is_locked, sync_folder, write_durably
from repro.base.text import one_line
from repro.runs import cleanup, events
from repro.runs.progress import Progress
from repro.runs.records import FORMAT, Result, RunRecord, State

T = TypeVar("T")

FRESH_SECONDS = 20.0
ABANDONED_SECONDS = 600.0  # far longer than a run takes to be made
RESERVE_BYTES = 16 * 1024
PATH_MAX = 4096  # Linux: with the byte that ends it
LONGEST_NAME = 120  # below a run's directory, with what Keras and TensorFlow put into the worker's home
CLOCK_FAULT_SECONDS = 86_400.0
MAX_LINE_BYTES = 16 * 1024 * 1024
# A million epochs are 40 MB of numbers.
MAX_RECORD_BYTES = 64 * 1024 * 1024
_ID = re.compile(r"^\d{8}T\d{6}\.\d{6}Z-.+-s\d+-[a-z0-9]{4}$")
_TIME = "%Y%m%dT%H%M%S.%fZ"
_RANDOM_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def boot_id() -> str:
    """Identifies this boot of this kernel; empty where the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def new_id(scenario: str, environment: str, seed: int, after: str = "") -> str:
    """DATETIME-SCENARIO-ENVIRONMENT-sSEED-RANDOM, UTC with microseconds.

    Where the clock was set back by less than a day, the time is that of the id `after` and a microsecond.
    """
    now = datetime.now(UTC)
    with contextlib.suppress(ValueError):
        latest = datetime.strptime(after.partition("-")[0], _TIME).replace(tzinfo=UTC)
        if timedelta(0) <= latest - now < timedelta(seconds=CLOCK_FAULT_SECONDS):
            now = latest + timedelta(microseconds=1)
    random = "".join(secrets.choice(_RANDOM_ALPHABET) for _ in range(4))
    return f"{now.strftime(_TIME)}-{scenario}-{environment}-s{seed}-{random}"


class EventReader:
    """Reads `events.jsonl` as it grows. A last line without line feed is not there yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.offset = 0  # behind the last whole line that was read

    def read(self, limit: int = 4 * 1024 * 1024) -> list[events.AnyEvent]:
        """Events that came since the last call, from about `limit` bytes; msgspec.DecodeError on damage.

        Nothing of a torn last line is kept, since a resumed run cuts it off and writes another in its place.
        """
        data, end = b"", 0
        try:
            with self._path.open("rb") as stream:
                stream.seek(self.offset)
                while not end and (more := stream.read(limit)):
                    end = len(data) + more.rfind(b"\n") + 1 if b"\n" in more else 0
                    data += more
                    if not end and len(data) > MAX_LINE_BYTES:
                        raise msgspec.DecodeError("a line is too long")
        except FileNotFoundError:
            return []
        self.offset += end
        return [events.decode(line) for line in data[:end].split(b"\n") if line]


@dataclass(frozen=True)
class RunDirectory:
    """One run as a plain directory."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    def file(self, name: str) -> Path:
        """A file of the run."""
        return self.path / name

    def record(self) -> RunRecord:
        """run.json; InputError where it is damaged or of a newer format."""
        found = read_json(self.path, "run.json", RunRecord)
        if found is None:
            raise unreadable(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)), self.file("run.json"))
        return found

    def named_record(self) -> RunRecord:
        """run.json of a run that has its place in a store; InputError also where its folder got another name."""
        found = self.record()
        if found.id != self.id:
            what = f"says that it is {one_line(found.id, 80)}"
            raise InputError(what, do="give the folder its name back", file=self.file("run.json"))
        return found

    def has_result(self) -> bool:
        """Whether result.json is there, as far as one may look."""
        try:
            self.file("result.json").stat()
        except OSError:
            return False
        return True

    def result(self) -> Result | None:
        """result.json, None while the run is not finished."""
        return read_json(self.path, "result.json", Result)

    def reader(self) -> EventReader:
        """Follow the events from the first."""
        return EventReader(self.file("events.jsonl"))

    def progress(self) -> Progress:
        """All events so far, folded; InputError where they are damaged."""
        progress = Progress()
        reader = self.reader()
        try:
            while more := reader.read():
                progress.extend(more)
        except OSError as error:
            raise unreadable(error, self.file("events.jsonl")) from None
        except msgspec.DecodeError as error:
            raise InputError(
                f"damaged ({one_line(error)})", do="delete the run", file=self.file("events.jsonl")
            ) from None
        return progress

    def is_locked(self) -> bool:
        """Whether a supervisor of this kernel holds the run."""
        return is_locked(self.file("run.lock"))

    def state(self, progress: Progress | None = None) -> State:
        """What has become of the run; never raises."""
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
        """Ask the supervisor to stop; it polls for the file."""
        self.file("stop").touch()

    def acquire(self) -> IO[bytes]:
        """Hold the run; InputError where somebody else does."""
        stream = self.file("run.lock").open("ab")
        for _ in range(20):
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return stream
            except BlockingIOError:
                time.sleep(0.02)  # a reader that asks whether it is locked holds it for an instant
        stream.close()
        raise InputError(f"the run {self.id} is running", do="watch it, or stop it first")

    def reserve(self) -> None:
        """Keep some of the disk for the last event, in the lock's file; OSError where there is none."""
        with self.file("run.lock").open("r+b") as stream:
            os.posix_fallocate(stream.fileno(), 0, RESERVE_BYTES)

    def release_reserve(self) -> None:
        """Give it back."""
        os.truncate(self.file("run.lock"), 0)


def read_json(folder: Path, name: str, type_: type[T], most_bytes: int = MAX_RECORD_BYTES) -> T | None:
    """A JSON file of a run, None where it is not there; InputError where it is damaged, too large or of a newer format.

    With plain strings and system calls: a list of ten thousand runs reads twenty thousand files in a second.
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
            while more := os.read(descriptor, 1 << 20):
                raw += more
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable(error, path) from None
    try:
        require_format(path, raw)
        found: T = _decoder(type_).decode(raw)
        return found
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(f"damaged ({one_line(error)})", do="delete the run", file=path) from None


def require_format(path: str, raw: bytes) -> None:
    """InputError where a record is of a newer format, whatever else it holds; DecodeError where it has none."""
    head = _HEAD.decode(raw)
    if head.format > FORMAT:
        raise InputError(f"written in format {head.format}", do="update repro: this one reads 1", file=path)


def unreadable(error: OSError, path: Path | str) -> InputError:
    """The fault of a file of a run that cannot be read."""
    if isinstance(error, PermissionError):
        return InputError("cannot be read (Permission denied)", do="ask whose run it is", file=path)
    return InputError(f"damaged ({error.strerror})", do="delete the run", file=path)


class _Head(msgspec.Struct):
    format: int


_HEAD = msgspec.json.Decoder(_Head)
_DECODERS: dict[Any, msgspec.json.Decoder[Any]] = {}


def _decoder(type_: type[T]) -> msgspec.json.Decoder[T]:
    if type_ not in _DECODERS:
        _DECODERS[type_] = msgspec.json.Decoder(type_)
    return _DECODERS[type_]


class Store:
    """A folder of run directories."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def check_writable(self) -> None:
        """UnusableError, saying what to do, where no run could be written. Removes what killed processes left."""
        self._require_short_path()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            probe = self.path / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
            probe.write_bytes(b"0" * 4096)
            probe.unlink()
            self._sweep()
        except OSError as error:
            with contextlib.suppress(OSError, UnboundLocalError):
                probe.unlink()
            raise UnusableError(
                f"the store cannot be written ({error.strerror})", do=store_remedy(error), file=self.path
            ) from None

    def _require_short_path(self) -> None:
        """A run must not find out in the middle that the names of its files are too long."""
        longest = len(os.fsencode(self.path.absolute())) + 255 + LONGEST_NAME
        if longest >= PATH_MAX:
            raise UnusableError(
                f"the store cannot be written ({os.strerror(errno.ENAMETOOLONG)})",
                do=f"name a folder of at most {PATH_MAX - 256 - LONGEST_NAME} bytes with --store",
                file=self.path,
            )

    def _sweep(self) -> None:
        """Remove what a process left that was killed: runs never renamed and no longer locked, files half written."""
        for run in self.runs():
            if run.has_result() or run.is_locked() or not cleanup.find(run.path):
                continue
            with contextlib.suppress(InputError, OSError):
                if run.state() != "elsewhere":
                    with run.acquire():
                        cleanup.remove(run.path)
        for hidden in self.path.glob(".new-*"):
            if _is_abandoned(hidden) and not RunDirectory(hidden).is_locked():
                shutil.rmtree(hidden, ignore_errors=True)
        for probe in self.path.glob(".probe-*"):
            if _is_abandoned(probe):
                probe.unlink(missing_ok=True)

    def latest(self) -> str:
        """The id that sorts last; empty in a store without runs."""
        return max(self._ids(), default="")

    def runs(self) -> list[RunDirectory]:
        """All runs, oldest first."""
        return [RunDirectory(self.path / name) for name in sorted(self._ids())]

    def _ids(self) -> list[str]:
        try:
            return [entry.name for entry in os.scandir(self.path) if _ID.match(entry.name)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise UnusableError(
                f"the store cannot be read ({error.strerror})", do=store_remedy(error), file=self.path
            ) from None

    def find(self, text: str) -> RunDirectory:
        """The run that an id, a unique prefix of an id or of its random part, or `last` means."""
        runs = self.runs()
        if text == "last":
            if not runs:
                raise InputError(f"the store {self.path} has no runs", do="start one with `repro run`")
            return runs[-1]
        found = [run for run in runs if run.id == text] or [
            run for run in runs if run.id.startswith(text) or run.id.rpartition("-")[2].startswith(text)
        ]
        if not found or not text:
            raise InputError(f"no run is called {one_line(text, 80)!r}", do="`repro runs` lists them")
        if len(found) > 1:
            some = ", ".join(run.id for run in found[:3])
            raise InputError(f"{one_line(text, 80)!r} means {len(found)} runs ({some})", do="give more of the id")
        return found[0]

    def create(self, record: RunRecord, files: dict[str, bytes]) -> tuple[RunDirectory, IO[bytes]]:
        """Make the run's directory with `files` (names may hold folders) and hold its lock.

        It is filled and locked under another name first, so that it never exists without its lock.
        """
        hidden = self.path / f".new-{record.id}"
        lock = None
        try:
            (hidden / "arrays").mkdir(parents=True)
            (hidden / "weights").mkdir()
            lock = RunDirectory(hidden).acquire()
            RunDirectory(hidden).reserve()
            write_durably(hidden / "run.json", msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")
            for name, data in files.items():
                write_durably(hidden / name, data)
            hidden.rename(self.path / record.id)
            sync_folder(self.path)
        except BaseException as error:
            if lock is not None:
                lock.close()
            shutil.rmtree(hidden, ignore_errors=True)
            if not isinstance(error, OSError):
                raise
            raise UnusableError(
                f"the run cannot be written ({error.strerror})", do=store_remedy(error), file=self.path
            ) from None
        return RunDirectory(self.path / record.id), lock

    def delete(self, run: RunDirectory) -> Path:
        """Move a run that is not running to the trash folder; where it lies then."""
        state = run.state()
        if state in ("running", "elsewhere"):
            raise InputError(f"the run {run.id} is {state}", do=f"stop it first: repro stop {run.id}")
        trash = self.path / ".trash"
        trash.mkdir(exist_ok=True)
        target = trash / run.id
        run.path.rename(target)
        return target

    def restore(self, run_id: str) -> RunDirectory:
        """Take a deleted run back from the trash folder."""
        (self.path / ".trash" / run_id).rename(self.path / run_id)
        return RunDirectory(self.path / run_id)


def _is_abandoned(path: Path) -> bool:
    """Whether it was made long ago; what others have renamed or removed since it was listed was not."""
    try:
        return time.time() - path.stat().st_mtime > ABANDONED_SECONDS
    except FileNotFoundError:
        return False


def store_remedy(error: OSError) -> str:
    """What to do where a store could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "free some space, or name another folder with --store"
    if error.errno in (errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.ENAMETOOLONG, errno.ENOENT):
        return "name another folder with --store"
    return f"chown it to {os.getuid()}:{os.getgid()}, or name another folder with --store"


def follow(run: RunDirectory, poll_seconds: float = 0.2) -> Iterator[events.AnyEvent]:
    """All events of a run, those to come too, until nobody writes any more, here or elsewhere."""
    reader = run.reader()
    beat: events.Heartbeat | events.RunStarted | None = None
    while True:
        alive = run.is_locked()
        more = reader.read()
        for event in more:
            if isinstance(event, events.Heartbeat | events.RunStarted):
                beat = event
            elif isinstance(event, events.RunEnded):
                beat = None
            yield event
        if not more:
            if not alive and not is_foreign(beat):
                return
            time.sleep(poll_seconds)


def is_foreign(beat: events.Heartbeat | events.RunStarted | None) -> bool:
    """Whether a run's latest sign of life is fresh and comes from another kernel, whose locks are not seen here.

    One from the future is none: a clock was set back, and nobody could ever resume the run.
    """
    return beat is not None and beat.boot_id != boot_id() and abs(time.time() - beat.time) < FRESH_SECONDS
