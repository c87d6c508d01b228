"""What a Dask worker does for a sweep: says whether it is the right one, and makes runs.

Only plain data goes in and out, so that both sides need agree on nothing but these functions' names.
"""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repro.base.decoding import decode_json
from repro.base.errors import ReproError, UnusableError
from repro.environment import check, definition
from repro.environment.record import usable_cores
from repro.runs.plan import package_sha256
from repro.runs.records import RunRecord
from repro.runs.store import Store
from repro.sweep import process, transfer

POLL_SECONDS = 1.0


def fitness(asked: dict[str, Any]) -> dict[str, Any]:
    """Why this worker cannot make the runs ("" where it can), and its usable cores.

    `asked`: package_sha256 of the sweep's own package; locks, the lock's hash for each environment by name.
    """
    return {"refused": _why_not(asked), "cores": usable_cores()}


def _why_not(asked: dict[str, Any]) -> str:
    if package_sha256() != asked["package_sha256"]:
        return "its repro has other source files than this one"
    try:
        for name, lock in asked["locks"].items():
            environment = definition.get(name)
            if environment.lock_sha256() != lock:
                return f"its lock of {name} is another one than here"
            drift = check.drift(environment)
            if drift:
                return f"its {name} differs from the lock ({drift[0]})"
    except ReproError as error:
        return error.what
    return ""


def make_run(asked: dict[str, Any], record: bytes, files: dict[str, bytes]) -> dict[str, Any]:
    """Make one run, given its run.json and the files beside it: the directory as an archive, exit code and fault."""
    from distributed import get_worker

    why = _why_not(asked)
    if why:
        return {"refused": why, "address": get_worker().address}
    with tempfile.TemporaryDirectory(prefix="repro-", dir=get_worker().local_directory) as name:
        run, lock = Store(Path(name)).create(decode_json(record, RunRecord), files)
        lock.close()
        child = process.start(run, signal.SIGKILL)
        try:
            said = _wait(child, _wanted())
        except BaseException:
            child.kill()
            child.wait()
            raise
        if child.returncode < 0:
            raise UnusableError(
                f"its supervisor was killed by {signal.Signals(-child.returncode).name}", do="the same command goes on"
            )
        return {"archive": transfer.packed(run, files), "code": child.returncode, "reason": process.reason(said)}


def _wait(child: subprocess.Popen[str], wanted: Callable[[], bool]) -> str:
    asked_to_stop = False
    while True:
        try:
            return child.communicate(timeout=POLL_SECONDS)[1]
        except subprocess.TimeoutExpired:
            if not asked_to_stop and not wanted():
                child.terminate()
                asked_to_stop = True


def _wanted() -> Callable[[], bool]:
    """Whether anybody still waits for the task of this thread (Dask does not end a thread whose task is cancelled)."""
    from distributed import get_worker

    worker = get_worker()
    key = worker.get_current_task()

    def look() -> bool:
        task = worker.state.tasks.get(key)
        return task is not None and task.state not in ("cancelled", "released", "forgotten")

    return look
