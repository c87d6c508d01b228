"""Makes the environment of a requirement list: resolved, installed, and asked what it can do."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable
from datetime import date
from typing import cast, get_args

from repro.base import scratch
from repro.base.text import one_line
from repro.environment import made
from repro.environment.definition import Ability, Environment
from repro.environment.install import install
from repro.environment.requirement_list import RequirementList
from repro.environment.resolve import resolve
from repro.runs import events
from repro.supervise.worker_process import WorkerProcess
from repro.supervise.worker_request import probe_request

TIMEOUT_SECONDS = 300


def make(
    wanted: RequirementList,
    *,
    say: Callable[[str], None],
    python: str | None = None,
    as_of: date | None = None,
    fresh: bool = False,
) -> Environment:
    """Return the installed environment of a list; what was made before is used, unless it shall be `fresh`ly resolved.

    ReproError where it cannot be had.
    """
    environment = None if fresh else made.answer_to(wanted, python, as_of)
    if environment is None:
        say(f"resolving {wanted}")
        environment = made.keep(wanted, resolve(wanted, python=python, as_of=as_of), python, as_of)
    install(environment, say=say)
    if environment.definition.cannot_train == made.NEVER_TRIED:
        environment = ask_abilities(environment)
    return environment


def ask_abilities(environment: Environment) -> Environment:
    """Ask a worker in the environment what its Keras can do, and keep the answer; return the environment with it."""
    abilities, fault = _answer(environment)
    known = [cast(Ability, one) for one in abilities if one in get_args(Ability)]
    if any(name.startswith("nvidia-cudnn") for name in environment.locked_versions()):
        known.append("cuda")
    return made.tell_abilities(environment, known, fault)


def _answer(environment: Environment) -> tuple[list[str], str]:
    """Return the abilities, and why the worker cannot train ("": it can)."""
    with scratch.folder("abilities") as folder:
        try:
            with contextlib.closing(WorkerProcess(environment, folder / "home", 1)) as worker:
                worker.send(probe_request(environment, device="cpu", threads=1, kind="abilities"))
                for event in worker.iterate_events(TIMEOUT_SECONDS):
                    if isinstance(event, events.EnvironmentProbed):
                        return list(event.record["abilities"]), ""
                    if isinstance(event, events.WorkerFailed):
                        return [], f"{event.kind}: {one_line(event.message, 300)}"
                return [], one_line(worker.last_line(TIMEOUT_SECONDS), 300) or "its Python ended without a reason"
        except (OSError, subprocess.TimeoutExpired) as error:
            return [], one_line(error, 300)
