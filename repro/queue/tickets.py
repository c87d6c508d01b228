"""Runs that wait their turn: one ticket file each in STORE/.queue, worked off in order by one process of its own.

It belongs to no screen, so the queue goes on when the program is left: `python -m repro.queue.tickets STORE`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from repro.base.decoding import decode_json
from repro.base.errors import ReproError
from repro.base.files import is_locked
from repro.base.text import one_line

FORMAT = 1
POLL_SECONDS = 0.5
FOLDER = ".queue"
NAME_DIGITS = 20  # of a ticket's name: nanoseconds since the epoch, by which tickets sort


class Ticket(msgspec.Struct, frozen=True):
    """One run that waits. `arguments` follow `repro`; `error` is why it could not start."""

    format: int
    scenario: str
    environment: str
    seed: int
    arguments: list[str]
    created: float
    started: bool = False
    error: str = ""
    name: str = ""

    @property
    def waits(self) -> bool:
        """Whether its turn is still to come."""
        return not self.started and not self.error

    @property
    def heading(self) -> str:
        """What waits, in words; a sweep has no environment and no seed of its own."""
        if not self.environment:
            return one_line(self.scenario, 60)
        return f"{one_line(self.scenario, 30)} in {one_line(self.environment, 20)}"


def folder(store: Path) -> Path:
    """Where the tickets of a store lie."""
    return store / FOLDER


def tickets(store: Path) -> list[Ticket]:
    """All tickets in order; unreadable ones are left out. None has started where whoever started it was killed."""
    found = []
    is_stale = not is_worked_on(store)
    with contextlib.suppress(OSError):
        for file in sorted(folder(store).glob("*.json")):
            with contextlib.suppress(OSError, msgspec.DecodeError):
                ticket = decode_json(file.read_bytes(), Ticket)
                started = ticket.started and not is_stale
                found.append(msgspec.structs.replace(ticket, name=file.stem, started=started))
    return found


def new(scenario: str, environment: str, seed: int, arguments: list[str]) -> Ticket:
    """Return a ticket that is in no queue yet; a sweep has no environment and no seed of its own."""
    return Ticket(FORMAT, scenario, environment, seed, arguments, time.time())


def add(store: Path, scenario: str, environment: str, seed: int, arguments: list[str]) -> Ticket:
    """Put one run at the end of the queue; OSError if the store cannot be written."""
    return add_all(store, [new(scenario, environment, seed, arguments)])[0]


def add_all(store: Path, runs: Sequence[Ticket]) -> list[Ticket]:
    """Put runs at the end of the queue, in this order, and return them with their names; OSError as `add`."""
    folder(store).mkdir(parents=True, exist_ok=True)
    names = (file.name[:NAME_DIGITS] for file in folder(store).glob("*.json"))
    latest = max((int(digits) for digits in names if digits.isdecimal()), default=0)
    first = max(time.time_ns(), latest + 1)  # behind the others, also if the clock was set back
    named = [
        msgspec.structs.replace(ticket, name=f"{first + index:0{NAME_DIGITS}d}-{os.getpid()}")
        for index, ticket in enumerate(runs)
    ]
    for ticket in named:
        _write(store, ticket)
    return named


def cancel(store: Path, name: str) -> None:
    """Take a ticket back."""
    _file(store, name).unlink(missing_ok=True)


def is_worked_on(store: Path) -> bool:
    """Whether a process works the queue off."""
    return is_locked(folder(store) / "lock")


def start_working(store: Path) -> None:
    """Start the process that works the queue off; where there is one already, the new one ends at once."""
    subprocess.Popen(
        [sys.executable, "-P", "-m", "repro.queue.tickets", str(store.absolute())],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env=variables(),
    )


def variables() -> dict[str, str]:
    """This process's variables, with the folder that holds `repro` and `tui` among the import paths.

    With -P it takes the place of the working directory, where a file of the user's may be called as a module is.
    """
    home = str(Path(__file__).resolve().parents[2])
    paths = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path and path != home]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([home, *paths])}


def _file(store: Path, name: str) -> Path:
    return folder(store) / f"{name}.json"


def _write(store: Path, ticket: Ticket) -> None:
    file = _file(store, ticket.name)
    temporary = file.with_suffix(".part")
    temporary.write_bytes(msgspec.json.encode(ticket))
    temporary.replace(file)


def work(store: Path, make_run: Callable[[Ticket], str] | None = None) -> int:
    """Do what waits, one after another, until nothing is left; `make_run`: `run`, or something in its place."""
    folder(store).mkdir(parents=True, exist_ok=True)
    with (folder(store) / "lock").open("ab") as lock:
        for _ in range(20):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.1)  # the one before may be about to end
        else:
            return 0
        while ticket := next((one for one in tickets(store) if not one.error), None):
            _wait_until_idle(store, ticket)
            if not _file(store, ticket.name).exists():
                continue
            _write(store, msgspec.structs.replace(ticket, started=True))
            error = make_run(ticket) if make_run is not None else run(store, ticket)
            if error:
                _write(store, msgspec.structs.replace(ticket, error=error))
            else:
                cancel(store, ticket.name)
    return 0


def _wait_until_idle(store: Path, ticket: Ticket) -> None:
    """Until no run of the store goes on (one may have been started elsewhere), or the ticket is taken back."""
    idle = 0
    while idle < 2 and _file(store, ticket.name).exists():
        idle = 0 if _is_busy(store) else idle + 1
        if idle < 2:
            time.sleep(POLL_SECONDS if idle == 0 else 0.05)


def _is_busy(store: Path) -> bool:
    from repro.runs.store import Store  # the engine's types take 80 ms, and the program's start needs none of them

    with contextlib.suppress(ReproError):
        return any(run.is_locked() for run in Store(store).runs() if not run.has_result())
    return False


def run(store: Path, ticket: Ticket) -> str:
    """One run in the foreground of this process; why it never began, else nothing."""
    from repro.runs.store import Store

    before = {one.id for one in Store(store).runs()}
    command = [sys.executable, "-P", "-m", "repro", *ticket.arguments, "--store", str(store)]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, env=variables(), check=False)
    except OSError as error:
        return str(error.strerror)
    if done.returncode in (0, 1, 4) or {one.id for one in Store(store).runs()} != before:
        return ""
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return one_line(lines[-1], 400) if lines else f"exit code {done.returncode}"


if __name__ == "__main__":
    sys.exit(work(Path(sys.argv[1])))
