"""One run whose worker is a script, supervised in this process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from repro.base.errors import ExitCode
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.supervise.supervisor import supervise
from tests.support.processes import lives
from tests.support.runs.planned import made_supervisor


class Stage:
    """One run with a worker that is a script."""

    def __init__(self, run: RunDirectory, lock: Any) -> None:
        self.run = run
        self.lock = lock
        self.seen: list[events.AnyEvent] = []

    def __call__(self, on_event: Callable[[events.AnyEvent], None] = lambda _: None) -> ExitCode:
        """Supervise to the end; whatever happened, no process and no temporary folder may be left."""

        def note(event: events.AnyEvent) -> None:
            self.seen.append(event)
            on_event(event)

        one = made_supervisor(self.run)
        one.log.close()
        code = supervise(self.run, self.lock, one.record, one.scenario, one.environment, note)
        assert not self.run.is_locked()
        assert not self.run.file("worker-home").exists()
        assert not any(lives(event.pid) for event in self.seen if isinstance(event, events.WorkerStarted))
        return code

    def resume(self) -> ExitCode:
        self.lock = self.run.acquire()
        return self()

    @property
    def reason(self) -> str:
        ended = self.run.progress().ended
        assert ended is not None
        return ended.reason
