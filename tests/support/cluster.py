"""A Dask cluster whose scheduler and workers are processes of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.support.paths import ROOT
from tests.support.processes import until


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
