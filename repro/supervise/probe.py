"""Asks a worker for its part of the environment record, without training."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import msgspec

from repro.base import scratch
from repro.base.errors import UnusableError
from repro.base.text import one_line
from repro.environment import check, record
from repro.environment.definition import Environment
from repro.runs import events
from repro.supervise.supervisor import WORKER, worker_variables

TIMEOUT_SECONDS = 180


def probe(environment: Environment, *, device: str = "auto", threads: int | None = None) -> dict[str, Any]:
    """The worker's facts; UnusableError where it cannot be asked."""
    check.require_installed(environment)
    threads = threads or record.usable_cores()
    request = {
        "kind": "probe",
        "adapter": environment.definition.adapter,
        "supervisor": os.getpid(),
        "seed": 0,
        "threads": threads,
        "device": device,
        "deterministic": False,
        "record_variables": list(record.RECORDED_VARIABLES),
    }
    read_end, write_end = os.pipe()
    with scratch.folder("probe") as home, os.fdopen(read_end, "rb") as stream:
        try:
            done = subprocess.run(
                [environment.python, "-s", "-u", WORKER, str(write_end)],
                input=msgspec.json.encode(request) + b"\n",
                capture_output=True,
                pass_fds=[write_end],
                env=worker_variables(environment, home, threads),
                cwd=home,
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UnusableError(
                f"{environment.name} does not answer ({one_line(error, 200)})", do=_mend(environment)
            ) from None
        finally:
            os.close(write_end)
        answers = [events.decode(line) for line in stream.read().splitlines()]
    for answer in answers:
        if isinstance(answer, events.EnvironmentProbed):
            return answer.record
        if isinstance(answer, events.WorkerFailed):
            raise UnusableError(
                f"{environment.name} does not work ({answer.kind}: {one_line(answer.message)})", do=_mend(environment)
            )
    tail = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or ["no reason given"]
    raise UnusableError(f"{environment.name} does not start ({one_line(tail[0])})", do=_mend(environment))


def _mend(environment: Environment) -> str:
    return f"repro environment install {environment.definition.installation} --again"
