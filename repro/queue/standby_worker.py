"""The standby process: it keeps a worker ready for one run, and works through the queue when it is told to.

It prints `ready` when its worker is ready and waits on standard input. At a line it works through the queue, and its
own run, when its turn comes, uses the warm worker. When standard input ends, the program that started it has ended, and
it ends too.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from repro.base.errors import ReproError
from repro.base.text import one_line
from repro.queue import tickets
from repro.queue.priority import LowPriority
from repro.queue.single_instance import SingleInstance
from repro.queue.standby import EXPIRED
from repro.runs.plan import Plan
from repro.runs.store import Store
from repro.supervise.supervisor import supervise
from repro.supervise.warm_worker import KEPT_FREE_BYTES, NEEDED_BYTES, WarmWorker, available_bytes

IDLE_SECONDS = 600.0
POLL_SECONDS = 2.0
PATIENCE_SECONDS = 2.0  # for the standby process before, which may be about to end

# Makes the plan of the one run that a ticket's arguments ask for; ReproError if they ask for anything else.
MakePlan = Callable[[Sequence[str]], Plan]


def serve(store: Path, arguments: list[str], make_plan: MakePlan) -> int:
    """Keep a worker ready for the run that `arguments` ask for; return the exit code of the process."""
    priority = LowPriority()
    with contextlib.closing(SingleInstance("spare")) as instance:
        if not instance.take(PATIENCE_SECONDS) or available_bytes() < NEEDED_BYTES:
            return 1
        try:
            warm = WarmWorker(make_plan(arguments))
        except (ReproError, OSError):
            return 1
        with warm:
            code = _wait(warm)
            if code is not None:
                return code
            priority.end(warm.pid)
            instance.close()
            _detach_standard_streams()

            def run_ticket(ticket: tickets.Ticket) -> str:
                if ticket.arguments != arguments:
                    return tickets.run(store, ticket)
                return _run_warm(store, ticket, warm, make_plan)

            return tickets.work(store, run_ticket)


def _wait(warm: WarmWorker, idle_seconds: float = IDLE_SECONDS) -> int | None:
    """Wait for a line on standard input (None) or a reason to end (exit code): no reader, no use, little memory."""
    is_announced, end = False, time.monotonic() + idle_seconds
    with selectors.DefaultSelector() as selector:
        for descriptor in (sys.stdin.fileno(), *warm.descriptors):
            selector.register(descriptor, selectors.EVENT_READ)
        while True:
            ready = {key.fd for key, _ in selector.select(POLL_SECONDS)}
            if sys.stdin.fileno() in ready:
                return None if os.read(sys.stdin.fileno(), 64) else 0
            if not warm.listen():
                return 1
            if warm.is_ready and not is_announced:
                is_announced = True
                os.write(sys.stdout.fileno(), b"ready\n")
            if time.monotonic() >= end:
                return EXPIRED
            if available_bytes() < KEPT_FREE_BYTES:
                return 1


def _detach_standard_streams() -> None:
    """Point the standard streams to /dev/null, so that the program that started this process may end."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)


def _run_warm(store: Path, ticket: tickets.Ticket, warm: WarmWorker, make_plan: MakePlan) -> str:
    """Make the run of a ticket, with the warm worker if it fits; return why it never began, or an empty string."""
    try:
        plan = make_plan(ticket.arguments)  # again, since files may have changed
        Store(store).check_writable()
        run, lock = plan.create(Store(store))
        tickets.cancel(store, ticket.name)  # if this process is killed, the run must not begin twice
        supervise(run, lock, run.record(), plan.scenario, plan.environment, warm=warm)
    except (ReproError, OSError) as error:
        return one_line(error, 400)
    return ""
