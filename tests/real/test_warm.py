"""Runs by a worker that was warm before they were asked for: the bits of cold ones, and no process left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from repro.environment import definition
from repro.queue import tickets
from repro.queue.standby import StandbyProcess
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from tests.support.command_line import run_process
from tests.support.paths import ROOT
from tests.support.processes import lives
from tests.support.scenario_files import SIX_EPOCHS

pytestmark = [pytest.mark.real, pytest.mark.timeout(1800)]

READY_SECONDS = 300.0


def until_ready(spare: StandbyProcess) -> None:
    end = time.monotonic() + READY_SECONDS
    while not spare.is_ready:
        assert spare.look() is None and time.monotonic() < end, "it does not get ready"
        time.sleep(0.05)


def by_command(store: Path, words: list[str]) -> RunDirectory:
    """The same run by the command line, cold."""
    done = run_process(*words, store=store)
    assert done.code in (0, 1), done.err
    return Store(store).find(done.json["run"])


def by_spare(store: Path, words: list[str], *, wait: bool) -> RunDirectory:
    """The run by a spare, once that is ready or (not `wait`) in the middle of its import."""
    known = {run.id for run in Store(store).runs()}
    spare = StandbyProcess(store, words)
    if wait:
        until_ready(spare)
    tickets.add(store, words[1], "keras-3", 0, words)
    assert spare.go()
    while spare.look() is None:
        time.sleep(0.1)
    assert spare.look() == 0 and not tickets.tickets(store)
    (found,) = (run for run in Store(store).runs() if run.id not in known)
    return found


def started(run: RunDirectory) -> events.WorkerStarted:
    return next(event for event in run.reader().read() if isinstance(event, events.WorkerStarted))


def order(run: RunDirectory) -> list[str]:
    return [type(event).__name__ for event in run.reader().read() if not isinstance(event, events.Heartbeat)]


def measurements(run: RunDirectory) -> dict[str, Any]:
    result = run.result()
    assert result is not None
    return result.measurements


@pytest.mark.parametrize("environment", ["keras-3", pytest.param("tf-keras", marks=pytest.mark.evidence)])
def test_a_warm_run_has_the_bits_of_a_cold_one(environment: str, tmp_path: Path) -> None:
    """Shuffled batches of two, so that the order of the data is among what must be the same; traced in keras-3."""
    if not definition.get(environment).is_installed():
        pytest.skip(f"{environment} is not installed")
    store = tmp_path / "store"
    store.mkdir()
    file = tmp_path / "six.yaml"
    file.write_text(SIX_EPOCHS.replace("epochs: 6", "epochs: 3"), encoding="utf-8")
    words = ["run", str(file), "--environment", environment, "--images", str(ROOT / "scenarios/images")]
    words += ["--again", *(["--trace"] if environment == "keras-3" else []), "--json", "--plain"]
    cold = by_command(store, words)
    warm = by_spare(store, words, wait=True)
    assert measurements(warm) == measurements(cold)
    assert order(warm) == order(cold)
    assert started(cold).warm_seconds is None
    assert (started(warm).warm_seconds or 0) > 1
    if environment == "keras-3":
        early = by_spare(store, words, wait=False)
        assert measurements(early) == measurements(cold) and order(early) == order(cold)


def test_a_spare_ends_with_the_program_that_started_it(tmp_path: Path) -> None:
    """Killed, not asked: its worker and its folder are gone, too."""
    words = ["run", "original-bug", "--again", "--json", "--plain"]
    program = (
        "import sys, time; from pathlib import Path; from repro.queue.standby import StandbyProcess\n"
        f"spare = StandbyProcess(Path({str(tmp_path)!r}), {words!r})\n"
        "print(spare._process.pid, flush=True); time.sleep(600)"
    )
    homes = tmp_path / "homes"
    homes.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(homes)}
    ) as parent:
        assert parent.stdout is not None
        spare = int(parent.stdout.readline())
        children = Path(f"/proc/{spare}/task/{spare}/children")
        end = time.monotonic() + READY_SECONDS
        workers: list[str] = []
        while not (list(homes.glob("repro-scratch-warm-*/")) and (workers := children.read_text().split())):
            assert time.monotonic() < end
            time.sleep(0.05)
        parent.send_signal(signal.SIGKILL)
    end = time.monotonic() + 30
    while lives(spare) or any(lives(int(worker)) for worker in workers):
        assert time.monotonic() < end, "it lives on"
        time.sleep(0.05)
    assert [path.name for path in homes.iterdir() if path.is_dir()] == []
