"""Asks a worker for its part of the environment record, without training."""

from __future__ import annotations

import contextlib
import subprocess
from typing import Any

from repro.base import scratch
from repro.base.errors import UnusableError
from repro.base.text import one_line
from repro.environment import check, record
from repro.environment.definition import Environment
from repro.runs import events
from repro.runs.records import Device
from repro.supervise.worker_process import WorkerProcess
from repro.supervise.worker_request import probe_request

TIMEOUT_SECONDS = 180


def probe(environment: Environment, *, device: Device = "auto", threads: int | None = None) -> dict[str, Any]:
    """Return the facts that the worker collects; UnusableError if it gives no answer."""
    check.require_installed(environment)
    threads = threads or record.usable_cores()
    remedy = f"repro environment install {environment.definition.installation} --again"
    with scratch.folder("probe") as folder:
        try:
            with contextlib.closing(WorkerProcess(environment, folder / "home", threads)) as worker:
                worker.send(probe_request(environment, device=device, threads=threads))
                for event in worker.iterate_events(TIMEOUT_SECONDS):
                    if isinstance(event, events.EnvironmentProbed):
                        return event.record
                    if isinstance(event, events.WorkerFailed):
                        reason = f"{event.kind}: {one_line(event.message)}"
                        raise UnusableError(f"{environment.name} does not work ({reason})", do=remedy)
                last_line = worker.last_line(TIMEOUT_SECONDS) or "no reason given"
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = one_line(error, 200)
            raise UnusableError(f"{environment.name} does not answer ({reason})", do=remedy) from None
    raise UnusableError(f"{environment.name} does not start ({one_line(last_line)})", do=remedy)
