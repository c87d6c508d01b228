"""Runs that really train, kept for the session: each scenario is trained once in each environment."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repro.environment import definition
from repro.environment.record import usable_cores
from repro.runs.directory import RunDirectory
from repro.supervise.worker_process import worker_variables
from tests.support.command_line import ended, start_process
from tests.support.paths import PROGRAMS


class RealRuns:
    """The command line with a store of its own."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self._kept: dict[tuple[str, ...], dict[str, Any]] = {}
        self._shared: dict[str, dict[str, Any]] = {}

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return start_process(*arguments, store=self.store, variables=variables)

    def __call__(self, *arguments: str, code: int | None = 0, **variables: str) -> dict[str, Any]:
        """Run one command with --json to its end; what it printed."""
        done = ended(self.start(*arguments, "--json", **variables))
        assert code is None or done.code == code, f"exit {done.code}: {done.err}"
        printed: dict[str, Any] = done.json
        return printed | {"exit": done.code}

    def once(self, *arguments: str) -> dict[str, Any]:
        """The same command is run once in a session."""
        if arguments not in self._kept:
            self._kept[arguments] = self("run", *arguments, "--again", code=None)
        return self._kept[arguments]

    def reproduced(self, *arguments: str, attempts: int = 4) -> dict[str, Any]:
        """Return the first of up to `attempts` runs that is REPRODUCED, else the last one.

        Where two processes with one seed differ (TensorFlow 1), a loss near 0 is that of most runs and not of each.
        """
        for _ in range(attempts):
            run = self("run", *arguments, "--again", code=None)
            if run["verdict"] == "REPRODUCED":
                break
        return run

    def shared(self) -> dict[str, dict[str, Any]]:
        """Three scenarios of one training in keras-3, by name: momentum-0.01 is trained, the others derived from it."""
        if not self._shared:
            names = ("original-bug", "forced-learning-phase", "momentum-0.01")
            process = self.start("run", *names, "--environment", "keras-3", "--again", "--json")
            done = ended(process)
            assert done.code == 0, done.err
            self._shared = {run["scenario"]: run for run in map(json.loads, done.out.splitlines())}
        return self._shared

    def directory(self, run: dict[str, Any]) -> RunDirectory:
        return RunDirectory(self.store / run["run"])


def outcomes(run: dict[str, Any]) -> dict[str, str]:
    return {claim["id"]: claim["outcome"] for claim in run["claims"]}


@contextlib.contextmanager
def following(process: subprocess.Popen[str], repro: RealRuns, event: str) -> Iterator[RunDirectory]:
    """Wait until the run that `process` has begun wrote an event that holds `event`; the process is gone afterwards."""
    try:
        known = {path.name for path in repro.store.glob("2*")}
        while process.poll() is None:
            for path in set(repro.store.glob("2*")):
                events = path / "events.jsonl"
                if path.name not in known and event in (events.read_text() if events.exists() else ""):
                    yield RunDirectory(path)
                    return
            time.sleep(0.2)
        raise AssertionError(f"ended with {process.returncode} before {event}: {process.communicate()[1]}")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def plain_script(
    run: RunDirectory, home: Path, *, epochs: int, batch_size: int = 32, application: str = "ResNet50"
) -> dict[str, Any]:
    """What plain_keras_3.py prints when it trains on the run's images."""
    environment = definition.get("keras-3")
    home.mkdir()
    asked = [str(epochs), str(usable_cores()), str(batch_size), application]
    plain = subprocess.run(
        [environment.python, PROGRAMS / "plain_keras_3.py", run.file("arrays/images.npy"), *asked],
        env=worker_variables(environment, home, usable_cores()),
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(plain.stdout.splitlines()[-1])
    return found
