"""A place that other users can read, where commands run as somebody else, somewhere else, with little room."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from tests.support.command_line import Answer
from tests.support.installations import link_interpreter
from tests.support.paths import ROOT
from tests.support.scenario_files import write_scenario
from tests.support.stand_in_worker import DRIVER, PRELUDE, WHOLE

NOBODY = 65534  # has a name and no home
UNKNOWN = 54321  # has neither


def anyones_python() -> Path | None:
    """An interpreter of this version that every user may run."""
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    for found in (Path(sys.executable).resolve(), Path("/usr/bin") / version, Path("/usr/local/bin") / version):
        try:
            done = subprocess.run([found, "-c", ""], user=NOBODY, capture_output=True, check=False)
        except (OSError, subprocess.SubprocessError):
            continue
        if done.returncode == 0:
            return found
    return None


class Place:
    """A scenario, a store and an environment that trains nothing."""

    def __init__(self, path: Path, python: Path) -> None:
        self.path = path
        self.python = python
        self.store = path / "store"
        self.file = write_scenario(path / "scenario")
        self.worker_file = path / "worker.py"
        (path / "tmp").mkdir()
        (path / "tmp").chmod(0o1777)
        self.worker(WHOLE)
        link_interpreter(path / "environments", python)

    def worker(self, script: str) -> None:
        """What the next run's worker does."""
        self.worker_file.write_text(PRELUDE + script)

    def __call__(
        self,
        *arguments: str | Path,
        unset: tuple[str, ...] = (),
        variables: dict[str, str] | None = None,
        **options: Any,
    ) -> Answer:
        """One command line in a process of its own: as another user, with another umask, elsewhere."""
        packages = [path for path in sys.path if path.endswith("site-packages")]
        given = {
            **os.environ,
            "TMPDIR": str(self.path / "tmp"),
            "REPRO_STORE": str(self.store),
            "REPRO_ENVIRONMENTS": str(self.path / "environments"),
            "PYTHONPATH": os.pathsep.join([str(ROOT), *packages]),
            **(variables or {}),
        }
        done = subprocess.run(
            [self.python, "-c", DRIVER, self.worker_file, *arguments],
            env={name: value for name, value in given.items() if name not in unset},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
            **{"cwd": self.path, **options},
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode("utf-8", "backslashreplace"))

    def run(self, *arguments: str | Path, **options: Any) -> Answer:
        """Train anew."""
        return self("run", self.file, "--again", "--plain", "--json", *arguments, **options)

    def runs(self, store: Path | None = None) -> list[RunDirectory]:
        """All runs of a store."""
        return Store(store or self.store).runs()


def said(answer: Answer) -> list[str]:
    """The lines on standard error that are no progress; a traceback is none that we allow."""
    assert "Traceback" not in answer.err and "defect" not in answer.err, answer.err
    return [line for line in answer.err.splitlines() if line.startswith("repro: ")]


def states(answer: Answer) -> list[str]:
    """States of the runs that `runs --json` or `run --json` printed."""
    rows = [json.loads(line) for line in answer.out.splitlines()]
    return [one["state"] for row in rows for one in row.get("runs", [row])]
