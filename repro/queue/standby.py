"""A run in waiting: a process that has a warm worker for the run that a person is about to start.

`python -m repro.queue.standby STORE WORD...`; the words are those of a ticket. It prints `ready` when its worker is
ready, and waits on standard input: at a line it works through the queue, and its own run, when its turn comes, uses the
warm worker. When standard input ends, the program that started it has ended, and it ends too.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from repro.queue import tickets

if TYPE_CHECKING:
    from repro.runs.plan import Plan
    from repro.supervise.warm_worker import WarmWorker

OFF = "REPRO_NO_WARM"
IDLE_SECONDS = 600.0
LOOK_SECONDS = 2.0
EXPIRED = 5
PATIENCE_SECONDS = 2.0  # for the spare before, which may be about to end


class Spare:
    """The process, as the program sees it that started it."""

    def __init__(self, store: Path, words: Sequence[str]) -> None:
        self.words = list(words)
        self.is_ready = False
        self.is_gone = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "repro.queue.standby", str(store.absolute()), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=tickets.variables(),
        )
        assert self._process.stdout is not None
        os.set_blocking(self._process.stdout.fileno(), False)

    def look(self) -> int | None:
        """See whether it is ready; its exit code once it has ended."""
        assert self._process.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # closed
            if self._process.stdout.read():
                self.is_ready = True
        code = self._process.poll()
        if code is not None:
            self.is_ready = False
            self.close()
        return code

    def go(self) -> bool:
        """Have it work the queue off, whether it is ready yet or not; False where it has ended."""
        if self.is_gone or self._process.poll() is not None or self._process.stdin is None:
            return False
        try:
            self._process.stdin.write(b"go\n")
            self._process.stdin.flush()
        except (OSError, ValueError):  # it ended, or was closed
            return False
        self.is_gone = True
        return True

    def close(self) -> None:
        """End it, unless it works the queue off."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class Warming:
    """Decides when a spare is started and ended: one at most, for what is wanted, while nothing runs."""

    REST_SECONDS = 1.0  # so long a scenario stays chosen before a worker is started for it
    PAUSE_SECONDS = 5.0  # by then a run that was begun is seen to run

    def __init__(self, store: Path, *, on: bool = True) -> None:
        self.is_on = on and not os.environ.get(OFF)
        self._store = store
        self._wanted: list[str] | None = None
        self._since = 0.0
        self._spare: Spare | None = None
        self._old: list[Spare] = []
        self._refused: list[list[str]] = []

    @property
    def is_ready(self) -> bool:
        """Whether what is wanted would begin at once."""
        return self._spare is not None and self._spare.is_ready and self._spare.words == self._wanted

    def want(self, words: list[str] | None, *, again: bool = False) -> None:
        """The run that would be started now; None: none. `again`: also where a spare has waited for it in vain."""
        if words != self._wanted or (again and self._since == float("inf")):
            self._wanted, self._since = words, time.monotonic()

    def look(self, *, busy: bool) -> bool:
        """Start or end a spare. `busy`: something runs. False where the queue was left to a spare that has ended."""
        went = [one for one in self._old if one.look() is not None]
        self._old = [one for one in self._old if one not in went]
        spare = self._spare
        if spare is not None and (code := spare.look()) is not None:
            if code != EXPIRED:
                self._refused = [*self._refused[-20:], spare.words]
            self._drop()
            self._since = float("inf") if code == EXPIRED else self._since
        rested = time.monotonic() - self._since >= self.REST_SECONDS
        if spare is not None and spare is self._spare:
            other = spare.words != self._wanted and rested
            if not self.is_on or other or busy:
                self._drop()
        elif self.is_on and not busy and rested and self._wanted and self._wanted not in self._refused:
            with contextlib.suppress(OSError):
                self._spare = Spare(self._store, self._wanted)
        return not any(one.is_gone for one in went)

    def go(self, words: list[str]) -> bool:
        """Leave the queue, whose next run has these words, to the spare; whether it has taken it."""
        spare = self._spare
        if spare is None or spare.words != words or not spare.go():
            return False
        self._old.append(spare)
        self._spare = None
        self._since = time.monotonic() + self.PAUSE_SECONDS
        return True

    def close(self) -> None:
        """End the spare; one that works the queue off goes on."""
        if self._spare is not None:
            self._drop()

    def _drop(self) -> None:
        assert self._spare is not None
        self._spare.close()
        self._old.append(self._spare)
        self._spare = None


# -- the process itself


def plan_of(words: Sequence[str]) -> Plan:
    """The one run that a ticket's words ask for; ReproError where it cannot be."""
    from repro.base.errors import InputError
    from repro.cli.plans import Asked, make_plans
    from repro.cli.run import command

    if not words or words[0] != "run":
        raise InputError("not a run", do="pass the arguments of `repro run`")
    found = make_plans(Asked.of(command.make_context("run", list(words[1:])).params))
    if len(found) != 1:
        raise InputError(f"{len(found)} runs instead of one", do="pass the arguments of one run")
    return dataclasses.replace(found[0], command=["repro", *words])


def wait(warm: WarmWorker, idle_seconds: float = IDLE_SECONDS) -> int | None:
    """Until somebody says go (None), or the exit code to end with: nobody is there, nobody came, memory is short."""
    from repro.supervise.warm_worker import KEPT_FREE_BYTES, available_bytes

    said, end = False, time.monotonic() + idle_seconds
    with selectors.DefaultSelector() as selector:
        for descriptor in (sys.stdin.fileno(), *warm.descriptors):
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(LOOK_SECONDS)}
            if sys.stdin.fileno() in ready:
                return None if os.read(sys.stdin.fileno(), 64) else 0
            if not warm.listen():
                return 1
            if warm.is_ready and not said:
                said = True
                os.write(sys.stdout.fileno(), b"ready\n")
            if time.monotonic() >= end:
                return EXPIRED
            if available_bytes() < KEPT_FREE_BYTES:
                return 1


def main(store: Path, words: list[str]) -> int:
    """Prepare a worker, wait, and work the queue off where that is asked."""
    from repro.base.errors import ReproError
    from repro.base.scratch import OnlyOne
    from repro.queue.priority import LowPriority
    from repro.supervise.warm_worker import NEEDED_BYTES, WarmWorker, available_bytes

    priority = LowPriority()
    with contextlib.closing(OnlyOne("spare")) as only_one:
        if not only_one.take(PATIENCE_SECONDS) or available_bytes() < NEEDED_BYTES:
            return 1
        try:
            warm = WarmWorker(plan_of(words))
        except (ReproError, OSError):
            return 1
        with warm:
            code = wait(warm)
            if code is not None:
                return code
            priority.end(warm.pid)
            only_one.close()
            _let_go()
            return tickets.work(store, lambda ticket: _run(store, ticket, warm))


def _let_go() -> None:
    """Nothing is read or said any more: whoever started this process may end."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _run(store: Path, ticket: tickets.Ticket, warm: WarmWorker) -> str:
    """One run of the queue: with the warm worker if that fits; why it never began, else nothing."""
    from repro.base.errors import ReproError
    from repro.base.text import one_line
    from repro.runs.store import Store
    from repro.supervise.supervisor import supervise

    if ticket.arguments != sys.argv[2:]:
        return tickets.run(store, ticket)
    try:
        plan = plan_of(ticket.arguments)  # anew: files may have changed since
        Store(store).check_writable()
        run, lock = plan.create(Store(store))
        tickets.cancel(store, ticket.name)  # whatever becomes of this process, the run is not begun twice
        supervise(run, lock, run.record(), plan.scenario, plan.environment, warm=warm)
    except (ReproError, OSError) as error:
        return one_line(error, 400)
    return ""


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
