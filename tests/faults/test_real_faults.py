"""Full disks and too little memory, met by real training in keras-3."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from scripts.kill_test import EPOCHS, SCENARIO
from tests.support import synthetic_faults
from tests.support.command_line import Answer, ended, start_process
from tests.support.disks import mounted
from tests.support.paths import ROOT
from tests.support.places import said

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MiB."""
    yield from mounted(tmp_path / "disk", "-t", "tmpfs", "-o", "size=8m", "tmpfs")


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """A small model of one's own."""
    synthetic_faults.draw(tmp_path / "scenario")
    shutil.copy(ROOT / "tests/support/programs/own_model.py", tmp_path / "scenario" / "model.py")
    file = tmp_path / "scenario" / "s.yaml"
    # So many epochs that the last ones are still to come when somebody has seen the fifth and filled the disk.
    file.write_text(SCENARIO.replace(f"epochs: {EPOCHS}", "epochs: 60"))
    return file


def start(store: Path, *arguments: str | Path, preexec: Callable[[], None] | None = None) -> subprocess.Popen[str]:
    variables = {"REPRO_CHECKPOINT_SECONDS": "0"}
    return start_process(*arguments, store=store, variables=variables, preexec_fn=preexec)


def repro(store: Path, *arguments: str | Path, preexec: Callable[[], None] | None = None) -> Answer:
    return ended(start(store, *arguments, preexec=preexec))


def exhaust(store: Path, left: int) -> Path:
    """Take all of the disk but `left` bytes, while somebody else writes on it; the file that does."""
    filler = store.parent / "filler"
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while stream.write(b"x" * 4096) == 4096:
            pass
    os.truncate(filler, filler.stat().st_size - left)
    return filler


def epochs(store: Path) -> int:
    """Epochs that the newest run has finished."""
    runs = Store(store).runs()
    return runs[-1].progress().epoch if runs else 0


def test_a_real_trace_that_meets_a_full_disk(disk: Path, scenario: Path, tmp_path: Path) -> None:
    """Others fill the disk in the middle, where what the trace takes was there at the beginning."""
    store = disk / "store"
    run = ("run", scenario, "--trust", "--trace", "--again", "--plain", "--json")
    whole = repro(tmp_path / "elsewhere", *run)
    assert whole.json["state"] == "finished", whole.err
    weights = whole.json["measurements"]["weights_sha256"]
    for epoch, left in ((2, 0), (5, 16 * 1024)):
        process = start(store, *run)
        deadline = time.monotonic() + 120
        while epochs(store) < epoch:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
        filler = exhaust(store, left)
        answer = ended(process)
        filler.unlink()
        assert answer.code == 4, answer.err
        found = json.loads(answer.out)
        assert found["state"] == "failed" and "No space left on device" in found["reason"]
        assert len(said(answer)) == 1 and found["epoch"] >= epoch
        resumed = repro(store, "resume", "last", "--plain", "--json")
        assert resumed.json["state"] == "finished", resumed.err
        assert resumed.json["measurements"]["weights_sha256"] == weights
        asked = repro(store, "what-if", "last", "--momentum", "0.99", "--json")
        assert asked.json["answers"][0]["evaluate"]["loss"] == resumed.json["measurements"]["evaluate"]["loss"]
        directory = RunDirectory(store / found["run"])
        assert not list(directory.path.rglob("*.part"))
        shutil.rmtree(directory.path)


def test_real_training_that_runs_out_of_memory(scenario: Path, tmp_path: Path, limited: Callable[[], None]) -> None:
    """TensorFlow alone takes more than the 128 MiB of the cgroup."""
    answer = repro(tmp_path / "store", "run", scenario, "--trust", "--plain", "--json", preexec=limited)
    assert answer.code == 4, answer.err
    assert answer.json["state"] == "failed"
    assert answer.json["reason"] == "out of memory: the kernel killed the worker"
