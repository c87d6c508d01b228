"""A worker started ahead of time, so that importing, building and tracing are done before the user presses Run.

What TensorFlow is told before its import (interpreter, variables, threads) and after it (device, seeds, scenario)
cannot be changed later, so such a worker serves one plan only. Its run has the same bits as that of a cold worker.
"""

from __future__ import annotations

import select
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
from msgspec import UNSET

from repro.base import scratch
from repro.base.errors import UnusableError
from repro.environment.definition import MARKER, Environment
from repro.runs import events
from repro.runs.identity import RunIdentity, is_same_run
from repro.runs.plan import Plan
from repro.scenario.script_types import ScriptScenario
from repro.supervise.worker_process import WorkerProcess
from repro.supervise.worker_request import RunRequest, run_request

# What a run of ResNet50 takes at most (see doctor): a warm worker must not be what makes memory short.
NEEDED_BYTES = 3 * 1024**3
KEPT_FREE_BYTES = 1024**3


class WarmWorker:
    """The worker of one plan, before its run exists; use it as a context.

    UnusableError for the plan of a user's own model.
    """

    def __init__(self, plan: Plan) -> None:
        if isinstance(plan.scenario, ScriptScenario) or plan.scenario.model.python is not None:
            raise UnusableError("an own model or program is only loaded for its run", do="start the run")
        self._request = run_request(plan.record(), plan.scenario, plan.environment)
        self._run = RunIdentity.of_plan(plan)
        self._installed = _installation_time(plan.environment)
        self.is_ready = False
        self._is_taken = False
        self._started = time.monotonic()
        self._exit = ExitStack()
        folder = self._exit.enter_context(scratch.folder("warm"))
        try:
            self._worker = WorkerProcess(plan.environment, folder / "home", plan.threads)
        except BaseException:
            self._exit.close()
            raise
        self._worker.send(msgspec.structs.replace(self._request, kind="warm"), is_last=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        if not self._is_taken:
            self._worker.close()
        self._exit.close()

    @property
    def pid(self) -> int:
        """Process id of the worker."""
        return self._worker.process.pid

    @property
    def descriptors(self) -> tuple[int, int]:
        """Descriptors to select on; call `listen` when one can be read."""
        return self._worker.events, self._worker.output

    def listen(self) -> bool:
        """Read what the worker has sent and printed, without waiting; return False if it is of no use any more."""
        for ready in select.select(self.descriptors, [], [], 0)[0]:
            if ready == self._worker.output:
                if not self._worker.read_output():
                    return False
                continue
            try:
                batch = self._worker.read_events()
                if batch is None:
                    return False
                for event in batch:
                    if isinstance(event, events.WorkerFailed):
                        return False
                    self.is_ready = self.is_ready or isinstance(event, events.WorkerReady)
            except msgspec.DecodeError:
                return False
        return self._worker.process.poll() is None

    def take(
        self, run: RunIdentity, environment: Environment, request: RunRequest
    ) -> tuple[WorkerProcess, float] | None:
        """Return the process and its age in seconds if it was prepared for this run and request; else end it.

        Only the run's directory may differ, since it did not exist. The caller closes the process.
        """
        if self._is_taken:
            return None
        fits = (
            is_same_run(run, self._run)
            and msgspec.structs.replace(request, directory=UNSET) == self._request
            and _installation_time(environment) == self._installed
        )
        if not (fits and self.listen()):
            self._worker.close()
            self._is_taken = True
            return None
        self._is_taken = True
        return self._worker, time.monotonic() - self._started


def _installation_time(environment: Environment) -> int:
    """Return when an environment was installed, in nanoseconds since the epoch; 0 if it is not."""
    try:
        return (environment.prefix / MARKER).stat().st_mtime_ns
    except OSError:
        return 0


def available_bytes() -> int:
    """Return the memory in bytes that a new process could take, within the cgroup; 0 if the kernel does not say."""
    try:
        fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        available = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        return 0
    cgroup = Path("/sys/fs/cgroup")
    try:
        limit = int((cgroup / "memory.max").read_text())
        used = int((cgroup / "memory.current").read_text())
        cached = dict(line.split() for line in (cgroup / "memory.stat").read_text().splitlines())
        return min(available, limit - used + int(cached.get("inactive_file", 0)))
    except (OSError, ValueError):
        return available  # no limit, or an older kernel's files
