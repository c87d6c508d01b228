"""A sweep on disk, for whoever watches: what it asks and how it stands, in STORE/.sweeps/ID/sweep.json.

The process that makes the sweep holds the file `lock` beside it; the file `stop` asks it to end.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import secrets
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import IO, Literal, Self

import msgspec

from repro.base.decoding import decode_json
from repro.base.errors import InputError
from repro.base.files import is_locked, write_durably
from repro.base.text import one_line
from repro.runs.directory import require_format
from repro.runs.identity import RunIdentity, identity_hash
from repro.runs.store import Store
from repro.sweep.jobs import Job
from repro.sweep.tally import Group, groups

FORMAT = 1
FOLDER = ".sweeps"
UPDATE_SECONDS = 1.0
State = Literal["running", "finished", "stopped", "interrupted"]


class SweepRecord(msgspec.Struct, frozen=True):
    """sweep.json.

    `workers`: runs at once on this machine, None on a cluster; `reason`: why it ended early; `asked`: a SHA-256 of its
    runs' identities without their seeds, "" if an earlier version wrote it.
    """

    format: int
    id: str
    command: list[str]
    started: float
    updated: float
    workers: int | None
    ended: bool
    reason: str
    groups: list[Group]
    asked: str = ""

    @property
    def runs(self) -> int:
        """How many runs it asks for."""
        return sum(len(group.seeds) for group in self.groups)

    @property
    def finished(self) -> int:
        """How many of them have a result."""
        return self.runs - sum(group.unfinished for group in self.groups)

    @property
    def identity(self) -> tuple[str, list[list[int]]]:
        """Hash of its runs' identities, and the seeds of each group: equal for sweeps of the same runs."""
        return self.asked, [group.seeds for group in self.groups]


@dataclass(frozen=True)
class SweepDirectory:
    """One sweep as a folder."""

    path: Path

    def record(self) -> SweepRecord:
        """sweep.json; InputError where it cannot be read or is of a newer format."""
        file = self.path / "sweep.json"
        try:
            raw = file.read_bytes()
            require_format(str(file), raw)
            return decode_json(raw, SweepRecord)
        except OSError as error:
            raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=file) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise InputError(f"damaged ({one_line(error)})", do="sweep again", file=file) from None

    def state(self, record: SweepRecord) -> State:
        """What has become of it."""
        if self.is_running():
            return "running"
        if not record.ended:
            return "interrupted"
        return "finished" if record.finished == record.runs else "stopped"

    def is_running(self) -> bool:
        """Whether a process of this kernel makes it."""
        return is_locked(self.path / "lock")

    def request_stop(self) -> None:
        """Ask for its end: the runs keep their checkpoints."""
        (self.path / "stop").touch()


def sweeps(store: Store) -> list[SweepDirectory]:
    """All sweeps of a store, the newest first."""
    return [SweepDirectory(file.parent) for file in sorted((store.path / FOLDER).glob("*/sweep.json"), reverse=True)]


def _hash_of_runs(jobs: Sequence[Job]) -> str:
    """Return a SHA-256 of the identities of the runs, without their seeds."""
    plans = {(job.plan.scenario.name, job.plan.environment.name): job.plan for job in jobs}
    hashes = (identity_hash(RunIdentity.of_plan(plan)) for plan in plans.values())
    return hashlib.sha256("".join(hashes).encode()).hexdigest()


class SweepWriter:
    """Writes a sweep's record while it is made; use it as a context. A disk that is full ends no sweep."""

    def __init__(self, store: Store, jobs: Sequence[Job], command: list[str], workers: int | None) -> None:
        self._jobs = jobs
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        self._directory = SweepDirectory(store.path / FOLDER / f"{stamp}-{secrets.token_hex(2)}")
        now = time.time()
        self._record = SweepRecord(
            format=FORMAT,
            id=self._directory.path.name,
            command=[word.encode("utf-8", "backslashreplace").decode() for word in command],
            started=now,
            updated=now,
            workers=workers,
            ended=False,
            reason="",
            groups=groups(jobs),
            asked=_hash_of_runs(jobs),
        )
        self._store = store
        self._lock: IO[bytes] | None = None
        self._next = 0.0
        self._stop_seen = False

    def __enter__(self) -> Self:
        with contextlib.suppress(OSError):
            self._directory.path.mkdir(parents=True)
            self._lock = (self._directory.path / "lock").open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._write()
            self._remove_older()
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if self._lock is not None:
            self._lock.close()

    def _remove_older(self) -> None:
        """Those that asked the same and have ended: this one says all that they said."""
        for other in sweeps(self._store):
            if other == self._directory or other.is_running():
                continue
            with contextlib.suppress(InputError):
                if other.record().identity == self._record.identity:
                    shutil.rmtree(other.path, ignore_errors=True)

    def update(self, *, at_once: bool = False) -> None:
        """Write how the runs stand, now and then."""
        if at_once or time.monotonic() >= self._next:
            self._next = time.monotonic() + UPDATE_SECONDS
            self._write(groups=groups(self._jobs))

    def stop_wanted(self) -> bool:
        """Whether somebody asked for the end since the last look."""
        if self._stop_seen or not (self._directory.path / "stop").exists():
            return False
        self._stop_seen = True
        return True

    def end(self, reason: str = "") -> None:
        """The last word."""
        (self._directory.path / "stop").unlink(missing_ok=True)
        self._write(groups=groups(self._jobs), ended=True, reason=reason)

    def _write(self, **changes: object) -> None:
        new = msgspec.structs.replace(self._record, **changes)
        if new == self._record and (self._directory.path / "sweep.json").exists():
            return
        self._record = msgspec.structs.replace(new, updated=time.time())
        with contextlib.suppress(OSError):
            write_durably(self._directory.path / "sweep.json", msgspec.json.encode(self._record) + b"\n")
