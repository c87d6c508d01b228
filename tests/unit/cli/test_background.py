"""Runs in the background, and the commands that find them there. A script stands in for the worker."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repro.base.errors import UnusableError
from repro.cli.run import DETACHED_LOG, in_background
from repro.runs.store import Store
from tests.support.command_line import Answer
from tests.support.paths import ROOT
from tests.support.processes import until
from tests.support.stand_in_worker import DRIVER, PRELUDE, STOPPABLE, WHOLE

# Asked to stop (ASK) while it measures, when nothing is left to stop for.
_ASKED_TOO_LATE = (
    PRELUDE
    + """\
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
for number in (1, 2, 3):
    epoch(number)
send("stage_started", stage="measure")
while '"measure"' not in open(os.path.join(request["directory"], "events.jsonl")).read():
    time.sleep(0.01)  # a stop before training ends the worker at once
ASK
signal.sigwait({signal.SIGTERM})
"""
    + WHOLE.partition('send("stage_started", stage="measure")\n')[2]
)
Command = Callable[..., Answer]


@pytest.fixture
def command(store: Path, tmp_path: Path, installed: Path) -> Iterator[Command]:
    """The command line in a process of its own, with the script `worker.py` for a worker; no run outlives the test."""

    def run(*arguments: str | Path) -> Answer:
        done = subprocess.run(
            [sys.executable, "-c", DRIVER, tmp_path / "worker.py", *arguments],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            cwd=ROOT,
            env=dict(os.environ),
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    yield run
    for one in Store(store).runs():
        one.request_stop()
        until(lambda one=one: not one.is_locked())  # type: ignore[misc]


def asked_too_late(folder: Path, ask: str) -> None:
    """The worker that asks for its own end by the statement `ask`."""
    (folder / "worker.py").write_text(_ASKED_TOO_LATE.replace("ASK", ask))


def test_detach_stop_resume_watch(command: Command, folder: Path, store: Path, tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(PRELUDE + STOPPABLE)
    begun = command("run", folder / "s.yaml", "--detach", "--json")
    assert (begun.code, begun.err) == (0, "")
    assert begun.json["state"] == "running"
    run = Store(store).find("last")
    assert begun.json["run"] == run.id
    until(lambda: run.progress().epoch > 0)

    command("resume", "last").refused(2, "is running: watch it, or stop it first")
    command("delete", "last").refused(2, "is running: stop it first")
    stopped = command("stop", "last")
    assert stopped.code == 0 and f"{run.id}: stopped; go on with: repro resume" in stopped.out
    assert run.state() == "stopped"
    assert command("watch", "last", "--json").code == 4

    (tmp_path / "worker.py").write_text(PRELUDE + WHOLE)
    resumed = command("resume", "last", "--detach")
    assert (resumed.code, resumed.out.strip(), resumed.err) == (0, run.id, "")
    watched = command("watch", "last", "--json")
    assert watched.code == 0 and watched.json["verdict"] == "REPRODUCED"
    assert run.progress().attempt == 2


def test_detach_several(command: Command, folder: Path, store: Path, tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(PRELUDE + WHOLE)
    begun = command("run", folder / "s.yaml", "--detach", "--seed", "0:3")
    assert begun.code == 0 and "2 more follow, one after another" in begun.err
    until(lambda: [run.state() for run in Store(store).runs()] == ["finished"] * 3)
    assert [run.record().seed for run in Store(store).runs()] == [0, 1, 2]
    assert begun.out.strip() == Store(store).runs()[0].id


def test_a_stop_that_comes_too_late_for_a_detached_run_is_written_down(
    command: Command, folder: Path, store: Path, tmp_path: Path
) -> None:
    asked_too_late(tmp_path, "open(os.path.join(request['directory'], 'stop'), 'w').close()")
    begun = command("run", folder / "s.yaml", "--detach", "--seed", "0:3")
    log = store / DETACHED_LOG
    assert begun.code == 0 and f"faults go to {log}" in begun.err
    until(lambda: log.exists() and log.read_text().endswith("\n"))
    assert log.read_text().endswith("Z repro: 2 more were not begun: the same command goes on\n")
    assert [run.state() for run in Store(store).runs()] == ["finished"]


@pytest.mark.parametrize("begun", [False, True])
def test_a_defect_in_the_background_is_kept(store: Path, tmp_path: Path, begun: bool) -> None:
    """In a process that is forked off this one; a defect before the first run has begun is told at once."""

    def work(say: Callable[[str], None]) -> int:
        if begun:
            say("run X")
        raise ZeroDivisionError("planted")

    store.mkdir()
    words = "a defect in repro: please report it with "
    if begun:
        assert in_background(work, Store(store)) == "X"
        log = store / DETACHED_LOG
        until(lambda: log.exists() and log.read_text().endswith("\n"))
        said = log.read_text()
    else:
        with pytest.raises(UnusableError) as caught:
            in_background(work, Store(store))
        said = caught.value.what
    assert words in said
    file = Path(said.partition(words)[2].strip())
    assert "ZeroDivisionError: planted" in file.read_text()
    file.unlink()


def test_detach_says_why_it_could_not(command: Command, folder: Path, store: Path, tmp_path: Path) -> None:
    store.mkdir()
    (tmp_path / "file").write_text("")
    command("--store", tmp_path / "file" / "x", "run", folder / "s.yaml", "--detach").refused(3, "cannot be written")


def test_detach_is_refused_in_the_container(
    repro: Command, folder: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "image.json").write_text("{}")
    monkeypatch.setattr("repro.cli.run.IMAGE_FILE", tmp_path / "image.json")
    repro("run", folder / "s.yaml", "--detach").refused(2, "would end with this container: docker compose run -d repro")
    repro("resume", "last", "--detach").refused(2, "would end with this container")
    assert not store.exists()


def test_run_in_the_foreground_prints_one_object_a_run(
    command: Command, folder: Path, store: Path, tmp_path: Path
) -> None:
    (tmp_path / "worker.py").write_text(PRELUDE + WHOLE)
    done = command("run", folder / "s.yaml", "--seed", "3,5", "--json")
    assert done.code == 0
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["seed"] for row in rows] == [3, 5]
    assert {row["verdict"] for row in rows} == {"REPRODUCED"}
    assert "epoch 3/3" in done.err and "left" in done.err
    failed = command("run", folder / "s.yaml", "--seed", "1")
    assert "REPRODUCED" in failed.out and "held" in failed.out


def test_a_signal_that_comes_too_late_for_a_run_keeps_the_next_from_beginning(
    command: Command, folder: Path, store: Path, tmp_path: Path
) -> None:
    asked_too_late(tmp_path, "os.kill(os.getppid(), signal.SIGINT)")
    done = command("run", folder / "s.yaml", "--seed", "0:3", "--json")
    assert (done.code, done.json["state"], done.json["verdict"]) == (4, "finished", "REPRODUCED")
    assert len(Store(store).runs()) == 1
    assert done.err.splitlines()[-1] == "repro: 2 more were not begun"
    assert command("run", folder / "s.yaml", "--seed", "9").code == 0  # nothing was left to begin


def test_a_name_that_is_not_utf8(command: Command, folder: Path, store: Path, tmp_path: Path) -> None:
    (tmp_path / "worker.py").write_text(PRELUDE + WHOLE)
    odd = os.fsdecode(b"b\xff.png")
    (folder / "images" / "b.png").rename(folder / "images" / odd)
    done = command("run", folder / "s.yaml", "--images", folder / "images", "--json")
    assert done.code == 0, done.err
    assert [image.name for image in Store(store).runs()[0].record().images] == ["a.png", "b\\udcff.png", "c.png"]


def test_without_a_terminal_the_screen_says_so(repro_process: Command) -> None:
    repro_process().refused(2)
