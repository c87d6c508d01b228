"""What a killed process leaves is put right by the next command; tests/faults/test_kill_test.py kills in earnest."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from repro.base import scratch
from repro.queue import tickets
from repro.queue.single_instance import SingleInstance
from repro.runs import events
from repro.runs.store import Store
from repro.supervise import worker_process
from tests.support.paths import ROOT
from tests.support.places import Place
from tests.support.processes import lives
from tests.support.runs.planned import create, epoch, make, started, whole, write_events
from tests.support.stage import Stage
from tests.support.stand_in_worker import PRELUDE, WHOLE
from tests.support.terminal import Terminal, left_on, variables

# -- a supervisor that was killed -------------------------------------------------------------------------------------


@pytest.mark.parametrize("ended", [False, True])
def test_a_result_that_was_not_written_any_more_is_written_by_a_resume_without_training(
    stage: Callable[[str], Stage], ended: bool
) -> None:
    one = stage("sys.exit(9)")
    events_at = [msgspec.structs.replace(event, time=100.0 + index) for index, event in enumerate(whole())]
    write_events(one.run, *events_at)
    if ended:
        write_events(one.run, events.RunEnded(state="finished", reason="REPRODUCED"))
    one.lock.close()
    assert one.run.state() == "interrupted"
    assert one.resume() == 0
    result = one.run.result()
    assert result is not None and result.verdict == "REPRODUCED"
    assert result.measurements["fit"]["loss"] == [0.5] * 3
    assert not any(isinstance(event, events.WorkerStarted) for event in one.seen)
    happened = one.run.reader().read()
    assert [event.seq for event in happened] == list(range(len(happened)))
    assert sum(isinstance(event, events.RunEnded) for event in happened) == 1
    if not ended:
        assert result.seconds["total"] == len(events_at) - 1


def test_a_stretch_that_did_not_get_so_far_is_trained(stage: Callable[[str], Stage]) -> None:
    """Only the last attempt counts: the one before had finished, but for its result."""
    one = stage(WHOLE)
    write_events(one.run, *whole(), started(attempt=2))
    assert one() == 0
    assert any(isinstance(event, events.WorkerStarted) for event in one.seen)


def test_half_written_files_of_a_killed_worker_are_no_part_of_the_run(stage: Callable[[str], Stage]) -> None:
    one = stage(
        "for name in ('weights/snapshot-0000001.npz', 'arrays/moving-statistics-0000003.npy', 'environment.json'):\n"
        "    open(os.path.join(request['directory'], name + '.part'), 'w').write('half')\n"
        "epoch(1); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert one() == 4
    assert not list(one.run.path.rglob("*.part"))
    one.run.file("weights/final.npz.part").write_text("by a worker that was killed with its supervisor")
    worker_process.WORKER.write_text(PRELUDE + WHOLE)
    assert one.resume() == 0
    result = one.run.result()
    assert result is not None and not [name for name in result.files if name.endswith(".part")]
    assert not list(one.run.path.rglob("*.part"))


def test_the_next_command_that_writes_removes_what_killed_runs_left(folder: Path, store: Path) -> None:
    def leave(run_path: Path) -> None:
        (run_path / "worker-home" / "cache").mkdir(parents=True)
        (run_path / "result.json.part").write_text("{")
        (run_path / "weights" / "checkpoint-0000001.npz.part").write_text("x")

    dead, elsewhere = make(folder, store, started(), epoch(1)), make(folder, store, started(boot_id="another"))
    held, lock = create(folder, store)
    for run in (dead, elsewhere, held):
        leave(run.path)
    before = dead.file("events.jsonl").read_bytes()
    with lock:
        Store(store).check_writable()
    assert not dead.file("worker-home").exists() and not list(dead.path.rglob("*.part"))
    assert dead.file("events.jsonl").read_bytes() == before and not dead.is_locked()
    for run in (elsewhere, held):
        assert run.file("worker-home/cache").is_dir() and len(list(run.path.rglob("*.part"))) == 2


# -- other programs that were killed ----------------------------------------------------------------------------------


def test_temporary_folders_of_killed_processes_are_swept_and_those_in_use_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = (
        "import os, signal; from repro.base import scratch\n"
        "with scratch.folder('x'): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    (tmp_path / "repro-scratch-not-a-folder").write_text("mine")
    with scratch.folder("y") as mine:
        scratch.sweep()
        assert mine.is_dir() and {path.name for path in tmp_path.iterdir()} == {mine.name, "repro-scratch-not-a-folder"}
    assert not mine.exists()


def test_a_name_that_only_one_process_holds_is_free_again_after_a_kill_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code = "from repro.queue import single_instance\nlock = single_instance.SingleInstance('x')\n"
    code += "print(lock.take(0), flush=True)\ninput()"
    other = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    assert other.stdout is not None and other.stdout.readline() == "True\n"
    mine = SingleInstance("x")
    scratch.sweep()
    assert not mine.take(0)
    other.kill()
    other.communicate()
    assert len(list(tmp_path.iterdir())) == 1
    scratch.sweep()
    assert not list(tmp_path.iterdir())
    assert mine.take(0) and not SingleInstance("x").take(0)
    mine.close()
    mine.close()
    assert not list(tmp_path.iterdir())


def test_a_ticket_of_a_queue_that_was_killed_waits_again(store: Path) -> None:
    ticket = tickets.add(store, "original-bug", "keras-3", 0, ["run"])
    tickets._write(store, msgspec.structs.replace(ticket, started=True))
    with (tickets.folder(store) / "lock").open("ab") as lock:
        import fcntl

        fcntl.flock(lock, fcntl.LOCK_EX)
        assert [one.started for one in tickets.tickets(store)] == [True]
    assert [one.started for one in tickets.tickets(store)] == [False]


def test_an_export_takes_away_what_a_killed_one_left(place: Place) -> None:
    assert place.run().code == 0
    left, others = place.path / ".b.zip.0123abcd.part", place.path / ".c.zip.0123abcd.part"
    left.write_text("half")
    others.write_text("of another name")
    assert place("export", "last", "-o", place.path / "b.zip").code == 0
    assert not left.exists() and others.exists()


# -- the terminal -----------------------------------------------------------------------------------------------------


def test_a_killed_screen_leaves_the_terminal_as_it_was(store: Path, tmp_path: Path) -> None:
    store.mkdir(exist_ok=True)
    terminal = Terminal(["-m", "repro", "--store", str(store)], variables(tmp_path))
    try:
        terminal.wait_for(b"original-bug")
        assert left_on(terminal.output)
        children = Path(f"/proc/{terminal.process.pid}/task/{terminal.process.pid}/children").read_text().split()
        terminal.process.kill()
        terminal.process.wait()
        deadline = time.monotonic() + 10
        while any(lives(int(child)) for child in children) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert children and not any(lives(int(child)) for child in children)
        assert left_on(terminal.read()) == []
        assert terminal.output.rfind(b"\x1b[?25h") > terminal.output.rfind(b"\x1b[?25l")
        import termios

        assert termios.tcgetattr(terminal.side) == terminal.before
    finally:
        terminal.close()


@pytest.mark.parametrize("end", ["os.kill(os.getpid(), signal.SIGKILL)", "pass"])
def test_a_guarded_terminal_is_put_right_only_after_a_kill(tmp_path: Path, end: str) -> None:
    code = (
        "import os, signal, sys, termios, tty\nfrom repro.base.terminal import guarded\n"
        f"with guarded(2):\n    tty.setraw(2); os.write(2, b'\\x1b[?25lhidden'); {end}\n"
    )
    terminal = Terminal(["-c", code], {**variables(tmp_path), "PYTHONPATH": str(ROOT)})
    try:
        terminal.wait_for(b"hidden")
        code = terminal.end()
        deadline = time.monotonic() + 5
        while code < 0 and b"\x1b[?25h" not in terminal.read() and time.monotonic() < deadline:
            time.sleep(0.02)
        assert (b"\x1b[?25h" in terminal.output) == (code == -signal.SIGKILL)
    finally:
        terminal.close()
