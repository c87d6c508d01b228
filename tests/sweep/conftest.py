"""An environment whose interpreter is a script: everything of a sweep is real but the training."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from repro.environment import definition
from tests.engine.conftest import Answer, folder
from tests.engine.test_supervisor import PRELUDE

__all__ = ["folder"]
ROOT = Path(__file__).resolve().parents[2]
INTERPRETER = """\
#!{python}
import json, os, sys
if "-c" in sys.argv:  # what is installed
    print(json.dumps({{"packages": {packages!r}, "python": "3.12.0"}}))
    sys.exit()
sys.argv = sys.argv[-2:]
{worker}
"""
# Seed 2 does not learn. While the file `hold` is there, no run gets past its first epoch.
WORKER = """\
import ctypes; ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # ends with its supervisor, as the real one does
first = request["resume"]["epoch"] if request["resume"] else 0
wanted = []
signal.signal(signal.SIGTERM, lambda *_: wanted.append(1))
send("stage_started", stage="fit")
for number in range(first + 1, 4):
    send("epoch_finished", epoch=number, loss=0.5, accuracy=0.0 if request["seed"] == 2 else 1.0, seconds=0.01)
    name = "weights/c%d.npz" % number
    path = os.path.join(request["directory"], name)
    open(path, "w").write("x")
    sha = __import__("hashlib").sha256(b"x").hexdigest()
    send("checkpoint_written", epoch=number, file=name, sha256=sha, bytes=1, seconds=0.1)
    while number == 1 and os.path.exists(HOLD) and not wanted:
        time.sleep(0.02)
    if wanted:
        send("training_stopped", epoch=number)
        sys.exit(0)
send("stage_started", stage="measure")
send("predicted", epoch=3, probabilities=[[1.0, 0.0, 0.0]] * 3, call="model.predict")
send("weights_hashed", sha256="0" * 64)
send("training_finished", peak_memory_bytes=1)
"""


class StandIn:
    """`repro` in processes of their own, with a store and an environment that trains nothing."""

    def __init__(self, place: Path, file: Path) -> None:
        self.store = place / "store"
        self.environments = place / "environments"
        self.hold = place / "hold"
        self.file = file
        self.python = self.environments / "keras-3" / "bin" / "python"
        self.processes: list[subprocess.Popen[str]] = []

    def install(self) -> None:
        self.python.parent.mkdir(parents=True)
        one = definition.get("keras-3")
        worker = PRELUDE + f"HOLD = {str(self.hold)!r}\n" + WORKER
        self.python.write_text(INTERPRETER.format(python=sys.executable, packages=one.locked_versions(), worker=worker))
        self.python.chmod(0o755)
        marker = {"format": 1, "environment": "keras-3", "lock_sha256": one.lock_sha256()}
        (self.environments / "keras-3" / definition.MARKER).write_text(json.dumps(marker))

    def start(self, *arguments: str | Path, stderr: int = subprocess.PIPE) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "repro", "--store", self.store, *arguments],
            env={**os.environ, "REPRO_ENVIRONMENTS": str(self.environments)},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        """No process outlives a test that failed."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.communicate()

    def __call__(self, *arguments: str | Path) -> Answer:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        return Answer(process.returncode, out, err)

    def sweep(self, seeds: str, *arguments: str) -> Answer:
        return self("sweep", self.file, "--seeds", seeds, "--json", *arguments)

    def runs(self) -> list[str]:
        return sorted(entry.name for entry in self.store.iterdir() if not entry.name.startswith("."))


def until(look: Callable[[], object], seconds: float = 60) -> None:
    """Wait for something to be so."""
    deadline = time.monotonic() + seconds
    while not look():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.05)


class Cluster:
    """`dask scheduler` and `dask worker` processes; none outlives the test."""

    def __init__(self, place: Path) -> None:
        place.mkdir(exist_ok=True)
        self.place = place
        self.processes: list[subprocess.Popen[bytes]] = []
        file = place / "scheduler.json"
        self.scheduler = self._start(
            "scheduler", "--no-dashboard", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)
        )
        until(lambda: file.exists() and file.read_text().endswith("}"))
        self.address: str = json.loads(file.read_text())["address"]

    def worker(self, cwd: Path = ROOT, **variables: str) -> subprocess.Popen[bytes]:
        """A worker that the scheduler knows already: what a sweep does then does not hang on which is the faster."""
        name = f"w{len(self.processes)}"
        folder = self.place / name
        process = self._start(
            *("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name),
            *("--local-directory", str(folder), "--host", "127.0.0.1"),
            cwd=cwd,
            **variables,
        )
        until(lambda: name in self._names())
        return process

    def _names(self) -> set[str]:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return {worker["name"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()}

    def _start(self, *arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            cwd=cwd,
            env={**os.environ, "PYTHONPATH": str(cwd), **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.processes.append(process)
        return process

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait()


@pytest.fixture
def stand_in(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "environments"))
    one = StandIn(tmp_path, folder / "s.yaml")
    one.install()
    yield one
    one.close()
