"""A place that other users can read, where commands run as somebody else, somewhere else, with little room."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.environment import definition
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from tests.engine.conftest import SCENARIO, Answer, folder, repro, store
from tests.engine.test_background import DRIVER
from tests.engine.test_supervisor import PRELUDE, WHOLE, installed, small_disk, stage

__all__ = ["folder", "installed", "repro", "small_disk", "stage", "store"]
ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534  # has a name and no home
UNKNOWN = 54321  # has neither

# A worker that writes what a real one writes: statistics, a trace that grows, snapshots, checkpoints.
WRITES = f"""\
sys.path += [WORKER, {str(Path(np.__file__).parents[1])!r}]
"""
WRITES += """\
import files_of_the_worker as files
directory = request["directory"]
def put(name, size):
    with files.replacing(os.path.join(directory, name)) as stream:
        stream.write(b"x" * size)
    return __import__("hashlib").sha256(b"x" * size).hexdigest()
try:
    send("stage_started", stage="import")
    send("environment_probed", record={"facts": {"device": "cpu", "padding": "x" * 4000}, "missing": {}})
    send("stage_started", stage="fit")
    first = request["resume"]["epoch"] if request["resume"] else 0
    for number in range(first, 3):
        with open(os.path.join(directory, "arrays", "trace.f32"), "ab", buffering=0) as stream:
            data = memoryview(b"t" * 6000)
            while data:
                data = data[stream.write(data):]
        epoch(number + 1)
        put("weights/snapshot-%07d.npz" % (number + 1), 9000)
        name = "weights/checkpoint-%07d.npz" % (number + 1)
        sha256 = put(name, 20000)
        send("checkpoint_written", epoch=number + 1, file=name, sha256=sha256, bytes=20000, seconds=0.01)
        print("a line of the log" * 60)
    send("stage_started", stage="measure")
    put("arrays/moving-statistics-0000003.npy", 5000)
    send("predicted", epoch=3, probabilities=[[1.0, 0.0, 0.0]] * 3, call="model.predict")
    send("weights_hashed", sha256="0" * 64)
    send("training_finished", peak_memory_bytes=1)
except Exception as error:
    send("worker_failed", kind=type(error).__name__, message=str(error))
    sys.exit(1)
"""


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
        from PIL import Image

        self.path = path
        self.python = python
        self.store = path / "store"
        self.file = path / "scenario" / "s.yaml"
        self.worker_file = path / "worker.py"
        (path / "scenario" / "images").mkdir(parents=True)
        (path / "tmp").mkdir()
        (path / "tmp").chmod(0o1777)
        for index, name in enumerate("abc"):
            Image.new("L", (10, 12), 80 * index).save(path / "scenario" / "images" / f"{name}.png")
        self.file.write_text(SCENARIO)
        self.worker(WHOLE)
        interpreter = path / "environments" / "keras-3" / "bin" / "python"
        interpreter.parent.mkdir(parents=True)
        interpreter.symlink_to(python)
        (path / "environments" / "keras-3" / definition.MARKER).write_text("{}")

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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that every user can enter, below /tmp: pytest's own folders are for one user only."""
    path = Path(tempfile.mkdtemp(prefix="repro-faults-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def place(open_folder: Path) -> Place:
    """Return a place whose commands run as the user of the tests."""
    return Place(open_folder, Path(sys.executable).resolve())


@pytest.fixture
def shared(open_folder: Path) -> Place:
    """Return a place with an interpreter that every user may run."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    python = anyones_python()
    if python is None or (ROOT.stat().st_mode & 0o005) != 0o005:
        pytest.skip("no Python that everybody may run is here")
    return Place(open_folder, python)
