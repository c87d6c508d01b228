"""The state of a run, what it allows, and following a run to its end."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from repro.base.errors import InputError
from repro.runs import events
from repro.runs.directory import follow
from repro.runs.store import Store
from tests.support.command_line import Repro
from tests.support.runs.planned import (
    create,
    epoch,
    finish,
    make,
    started,
    whole,
    write_events,
)


@pytest.mark.parametrize(
    ("happened", "state"),
    [
        ([], "interrupted"),
        ([started(), epoch(1)], "interrupted"),
        ([started(), events.RunEnded(state="interrupted", exit_code=4)], "interrupted"),
        ([started(), events.RunEnded(state="failed", exit_code=4)], "failed"),
        ([started(), events.RunEnded(state="stopped", exit_code=4)], "stopped"),
        ([started(), events.RunEnded(state="finished")], "interrupted"),  # died before result.json
        ([started(), events.RunEnded(state="failed", exit_code=4), started(attempt=2)], "interrupted"),
        ([started(boot_id="another")], "elsewhere"),
        ([started(), events.Heartbeat(boot_id="another")], "elsewhere"),
        ([started(boot_id="another"), events.RunEnded(state="stopped")], "stopped"),
        ([events.Heartbeat(boot_id="another", time=time.time() - 3600)], "interrupted"),
    ],
)
def test_state(folder: Path, store: Path, happened: list[events.AnyEvent], state: str) -> None:
    assert make(folder, store, *happened).state() == state


def test_a_held_lock_is_a_running_run_in_another_process(folder: Path, store: Path) -> None:
    run = make(folder, store, started(), events.RunEnded(state="failed", exit_code=4))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; s = open(sys.argv[1], 'ab'); fcntl.flock(s, fcntl.LOCK_EX); print('held', flush=True); "
            "sys.stdin.read()",
            run.file("run.lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        assert run.is_locked() and run.state() == "running"
        with pytest.raises(InputError, match="is running: watch it, or stop it first"):
            run.acquire()
        with pytest.raises(InputError, match="is running: stop it first"):
            Store(store).delete(run)
        holder.kill()
        holder.wait()
    assert not run.is_locked() and run.state() == "failed"
    run.acquire().close()


def test_resume_refuses(repro: Repro, folder: Path, store: Path) -> None:
    elsewhere = make(folder, store, started(boot_id="another"))
    repro("resume", elsewhere.id).refused(2, "is elsewhere: stop it where it runs")
    repro("delete", elsewhere.id).refused(2, "is elsewhere: stop it first")
    write_events(elsewhere, events.RunEnded(state="stopped", exit_code=4))
    assert repro("delete", elsewhere.id).code == 0
    run, lock = create(folder, store)
    with lock:
        repro("resume", run.id).refused(2, "is running: watch it, or stop it first")
        repro("delete", run.id).refused(2, "is running")
    repro("stop", run.id).refused(2, "is interrupted: only a running one can be stopped")
    write_events(run, *whole())
    finish(run)
    repro("resume", run.id).refused(2, "is finished: nothing is left to do")


def test_a_run_that_ends_while_a_resume_begins_is_left_alone(
    repro: Repro, folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(folder, store, started(), epoch(1))

    def meanwhile(_: object) -> list[str]:
        write_events(run, *whole())
        finish(run)
        return []

    monkeypatch.setattr("repro.environment.check.drift", meanwhile)
    repro("resume", run.id).refused(2, "is finished: nothing is left to do")
    assert run.state() == "finished" and not run.is_locked()


def test_resume_wants_the_environment_it_began_in(
    repro: Repro, folder: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(folder, store, started(), epoch(1))
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "none"))
    repro("resume", run.id).refused(3, "keras-3 is not installed")
    monkeypatch.setattr("repro.environment.check.drift", lambda _: ["numpy: locked 2, installed 1"])
    repro("resume", run.id).refused(3, "is not the one the run began in (numpy: locked 2, installed 1)")


def test_follow_ends_with_the_run(folder: Path, store: Path) -> None:
    run, lock = create(folder, store)
    write_events(run, started(), epoch(1))
    found = []
    for event in follow(run, poll_seconds=0.01):
        found.append(event)
        if len(found) == 2:
            write_events(run, epoch(2))
            lock.close()
    assert [event.seq for event in found] == [0, 1, 2]


def test_follow_goes_on_where_locks_are_not_shared(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(folder, store, started(boot_id="another"))
    naps = []

    def nap(_: float) -> None:
        naps.append(1)
        if len(naps) == 3:
            write_events(run, epoch(1), events.RunEnded(state="stopped"))

    monkeypatch.setattr("repro.runs.store.time.sleep", nap)
    assert [type(event).__name__ for event in follow(run)] == ["RunStarted", "EpochFinished", "RunEnded"]


def test_watch_a_run_that_is_over(repro: Repro, folder: Path, store: Path) -> None:
    run = make(folder, store, *whole())
    finish(run)
    answer = repro("watch", run.id, "--plain")
    assert answer.code == 0 and "REPRODUCED" in answer.out and "epoch 3/3" in answer.err
    failed = make(folder, store, started(), events.RunEnded(state="failed", reason="x", exit_code=4))
    assert repro("watch", failed.id).code == 4
