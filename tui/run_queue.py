"""Runs and sweeps on their way to training: tickets in the store's queue, and a worker made ready ahead of time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from repro.base.errors import ReproError
from repro.runs.summary import RunSummary
from tui.commands import Request, command_for_run, ticket_arguments
from tui.host import Host

if TYPE_CHECKING:
    from repro.queue import tickets
    from repro.queue.standby import StandbyManager


class _Entry(NamedTuple):
    """What a ticket is made of; a sweep has no environment and no seed of its own."""

    scenario: str
    environment: str
    seed: int
    arguments: list[str]


class RunQueue:
    """The queue of one store. A process of its own works through it, so that it outlives the screens."""

    def __init__(
        self, store_path: Path, host: Host, running: Callable[[], Sequence[RunSummary]], refresh: Callable[[], None]
    ) -> None:
        self._store_path = store_path
        self._host = host
        self._running = running
        self._refresh = refresh
        self.tickets: list[tickets.Ticket] = []
        self.standby: StandbyManager | None = None
        self._prepared: Request | None = None
        self._reported: set[str] = set()

    def close(self) -> None:
        """End the standby worker; the queue is not affected."""
        if self.standby is not None:
            self.standby.close()

    def update(self, tickets: list[tickets.Ticket]) -> None:
        """Take over the tickets that the store holds now, with a notice for each that failed."""
        self.tickets = tickets
        for ticket in tickets:
            if ticket.error and ticket.name not in self._reported:
                self._reported.add(ticket.name)
                self._host.say(f"{ticket.heading} could not start: {ticket.error}", "error", 15)
                self._cancel(ticket)

    def waiting(self) -> list[tickets.Ticket]:
        """Tickets whose turn is still to come."""
        return [ticket for ticket in self.tickets if ticket.waits]

    @property
    def is_starting(self) -> bool:
        """Whether a ticket's turn has come."""
        return any(ticket.started for ticket in self.tickets)

    @property
    def is_worked_on(self) -> bool:
        """Whether a process works through the queue."""
        from repro.queue import tickets

        return tickets.is_worked_on(self._store_path)

    def is_busy(self) -> bool:
        """Whether anything is trained here or is about to be."""
        return bool(self._running() or self.tickets or self._host.has_training_screen())

    # -- tickets

    def start_runs(self, request: Request) -> int:
        """Put runs in the queue; how many, 0 with a notice if the store cannot be written."""
        entries = [_Entry(*run[:3], ticket_arguments(run[3])) for run in request.each()]
        if not self._add(entries):
            return 0
        first, count = entries[0], len(entries)
        self.work(first.arguments)
        subject = f"{first.scenario} in {first.environment}, seed {first.seed}" if count == 1 else f"{count} runs"
        self._host.say(f"{subject}: {'waiting for the run before' if self._running() else 'starting'}")
        return count

    def start_sweep(self, words: list[str]) -> bool:
        """Put a sweep in the queue: it begins when what was started before has ended."""
        names = ", ".join(words[1 : words.index("--seeds")])
        if not self._add([_Entry(f"the sweep of {names}", "", 0, ticket_arguments(words))]):
            return False
        self.work()
        self._host.say(f"the sweep {'waits for the run before' if self._running() else 'begins'}")
        return True

    def resume_run(self, run: RunSummary) -> None:
        """Put a run in the queue once more, to continue from its last checkpoint."""
        words = ["resume", run.id, "--json", "--plain"]
        if self._add([_Entry(run.scenario, run.environment, run.seed, words)]):
            self.work()
            command = command_for_run(self._store_path, "resume", run.id)
            self._host.say(f"{run.scenario}: goes on from its last checkpoint  $ {command}")

    def _add(self, entries: Sequence[_Entry]) -> bool:
        from repro.queue import tickets
        from repro.runs.store import Store

        try:
            Store(self._store_path).check_writable()
            tickets.add_all(self._store_path, [tickets.new(*entry) for entry in entries])
        except (ReproError, OSError) as error:
            self._host.say(str(error), "error", 15)
            return False
        return True

    def _cancel(self, ticket: tickets.Ticket) -> None:
        from repro.queue import tickets

        with contextlib.suppress(OSError):
            tickets.cancel(self._store_path, ticket.name)

    def drop(self) -> None:
        """Cancel all tickets that wait."""
        waiting = self.waiting()
        for ticket in waiting:
            self._cancel(ticket)
        self._host.say(f"{len(waiting)} waiting runs dropped")
        self._refresh()

    def work(self, first: list[str] | None = None) -> None:
        """See that a process works through the queue; `first`: words of a ticket that the standby worker may be for."""
        from repro.queue import tickets

        try:
            is_idle = not self.is_busy() and not self.is_worked_on
            if not (first and is_idle and self.standby is not None and self.standby.go(first)):
                tickets.start_working(self._store_path)
        except OSError as error:
            self._host.say(f"the queue cannot be worked off ({error.strerror})", "error")
        self._refresh()

    # -- the worker made ready ahead of time

    def start_standby(self, *, is_on: bool) -> None:
        """From now on keep a worker ready for the run that would be started."""
        from repro.queue.standby import StandbyManager

        self.standby = StandbyManager(self._store_path, on=is_on)

    def prepare_for(self, request: Request | None, *, again: bool = False) -> None:
        """Name the runs that would be started now; a worker is kept ready for the first of them.

        `again`: also if a worker has waited for it in vain.
        """
        self._prepared = request
        if self.standby is not None:
            words = ticket_arguments(request.each()[0][3]) if request is not None else None
            self.standby.prepare_for(words, again=again)

    def update_standby(self) -> None:
        """Start, end or replace the standby worker as it must be now."""
        if self.standby is None:
            return
        self.prepare_for(self._prepared)
        if not self.standby.look(busy=self.is_busy()) and self._has_waiting_ticket():
            self.work()

    def _has_waiting_ticket(self) -> bool:
        """Whether a ticket waits, also one that the watcher of the store has not seen yet."""
        from repro.queue import tickets

        return any(ticket.waits for ticket in tickets.tickets(self._store_path))

    @property
    def is_standby_ready(self) -> bool:
        """Whether the run that would be started now begins at once."""
        return self.standby is not None and self.standby.is_ready
