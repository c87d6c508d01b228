"""An environment whose interpreter is a script: everything of a sweep is real but the training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from repro.environment import definition
from tests.support.command_line import Answer
from tests.support.installations import write_installation
from tests.support.paths import ROOT
from tests.support.stand_in_worker import PRELUDE

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
        worker = PRELUDE + f"HOLD = {str(self.hold)!r}\n" + WORKER
        packages = definition.get("keras-3").locked_versions()
        interpreter = INTERPRETER.format(python=sys.executable, packages=packages, worker=worker)
        write_installation(self.environments, "keras-3", interpreter)

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
