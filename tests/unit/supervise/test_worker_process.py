"""What a worker gets, what it runs under, and when it goes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from repro.environment import definition
from repro.runs import events
from repro.supervise import worker_process
from repro.supervise.worker_process import worker_variables
from tests.support import machine
from tests.support.paths import ROOT
from tests.support.processes import lives
from tests.support.runs.planned import create
from tests.support.stand_in_worker import PRELUDE


def test_the_users_variables_do_not_reach_the_worker(
    installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PYTHONPATH", "TF_XLA_FLAGS", "XLA_FLAGS", "KERAS_BACKEND", "SECRET", "LD_PRELOAD", "HOME", "TMPDIR"):
        monkeypatch.setenv(name, "the user's")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    found = worker_variables(definition.get("tf-keras"), tmp_path, 3)
    assert "the user's" not in found.values()
    assert found["HOME"] == found["KERAS_HOME"] == found["TMPDIR"] == str(tmp_path)
    assert found["PYTHONHASHSEED"] == "0" and found["PYTHONNOUSERSITE"] == "1"
    assert found["KERAS_BACKEND"] == "tensorflow" and found["TF_USE_LEGACY_KERAS"] == "1"
    assert found["OMP_NUM_THREADS"] == "3" and found["CUDA_VISIBLE_DEVICES"] == "1"


def test_the_worker_dies_with_its_supervisor(folder: Path, store: Path, installed: Path, tmp_path: Path) -> None:
    """With the real worker's own `die_with`: the supervisor is killed outright."""
    worker = tmp_path / "worker.py"
    worker.write_text(
        PRELUDE
        + f"""
import importlib.util
spec = importlib.util.spec_from_file_location("worker_main", {str(worker_process.WORKER / "__main__.py")!r})
main = importlib.util.module_from_spec(spec)
spec.loader.exec_module(main)
main.load_package()
from repro_worker.session import die_with
die_with(request["supervisor"])
send("stage_started", stage="fit")
time.sleep(120)
"""
    )
    run, lock = create(folder, store)
    lock.close()
    code = f"""
import sys
from pathlib import Path
from repro.supervise import supervisor, worker_process
from repro.runs.directory import RunDirectory
from repro.runs.event_log import EventLog
from tests.support.runs.planned import made_supervisor
worker_process.WORKER = Path({str(worker)!r})
run = RunDirectory(Path({str(run.path)!r}))
lock = run.acquire()
one = made_supervisor(run)
supervisor.supervise(run, lock, one.record, one.scenario, one.environment)
"""
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    try:
        deadline = time.monotonic() + 30
        while "stage_started" not in (
            run.file("events.jsonl").read_text() if run.file("events.jsonl").exists() else ""
        ):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        assert run.state() == "running"
        pid = next(event.pid for event in run.reader().read() if isinstance(event, events.WorkerStarted))
        assert lives(pid)
    finally:
        process.kill()
        process.wait()
    deadline = time.monotonic() + 10
    while lives(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not lives(pid)
    assert run.state() == "interrupted"
    assert run.file("worker-home").exists()  # nobody was left to remove it; a resume does


def test_a_worker_whose_supervisor_is_gone_already_ends(tmp_path: Path) -> None:
    read_end, write_end = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-s", "-u", worker_process.WORKER, str(write_end)],
            input=json.dumps({"kind": "probe", "supervisor": 1, "adapter": "none"}).encode() + b"\n",
            pass_fds=[write_end],
            capture_output=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(write_end)
        os.close(read_end)
    assert (done.returncode, done.stdout, done.stderr) == (1, b"", b"")


def test_the_worker_compiles_under_python_3_6() -> None:
    python = machine.find_python("3.6")
    if python is None:
        pytest.skip("no Python 3.6 is here to compile the worker with")
    sources = sorted(worker_process.WORKER.rglob("*.py"))
    assert len(sources) > 10
    check = "import sys\nfor name in sys.argv[1:]: compile(open(name, encoding='utf-8').read(), name, 'exec')"
    done = subprocess.run([python, "-c", check, *sources], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
