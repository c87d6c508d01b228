"""Runs commands and takes their time."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REPRO = [str(Path(sys.executable).parent / "repro")]


def wall_seconds(command: list[str], **options: Any) -> float:
    """Wall time of one whole process, in seconds."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - started


def paired(first: list[str], second: list[str], runs: int) -> tuple[float, float, float]:
    """Medians of both commands' wall seconds and of the ratio first/second, run in turn after one warm-up each."""
    for command in (first, second):
        wall_seconds(command)
    pairs = [(wall_seconds(first), wall_seconds(second)) for _ in range(runs)]
    return (
        statistics.median(a for a, _ in pairs),
        statistics.median(b for _, b in pairs),
        statistics.median(a / b for a, b in pairs),
    )


def plain(*arguments: str) -> dict[str, Any]:
    """What a plain script prints, run in the keras-3 environment, with the wall time of its whole process."""
    from repro.environment import definition
    from repro.scenario.images import load
    from repro.scenario.types import Images

    environment = definition.get("keras-3")
    images = load(ROOT / "scenarios/images", Images(directory="images", size=(197, 197)), 3)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "images.npy"
        file.write_bytes(images.npy())
        started = time.perf_counter()
        done = subprocess.run(
            [str(environment.python), "-s", str(ROOT / "benchmarks/plain/keras_3.py"), str(file), *arguments],
            env={**environment.interpreter_variables(), "HOME": folder, "PATH": os.environ["PATH"]},
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["process_seconds"] = time.perf_counter() - started
    return found


def product(*arguments: str, store: str | None = None) -> dict[str, Any]:
    """What `repro run ARGUMENTS --json` prints last, with the whole process's wall time and that run's events."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        done = subprocess.run(
            [*REPRO, "run", *arguments, "--json", "--store", store or folder],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - started
        if not done.stdout:
            raise SystemExit(done.stderr)
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        events = (Path(store or folder) / found["run"] / "events.jsonl").read_text().splitlines()
        found["events"] = [json.loads(line) for line in events]
    found["process_seconds"] = seconds
    return found


def on_terminal(
    arguments: list[str], variables: dict[str, str], rows: int, columns: int
) -> tuple[subprocess.Popen[bytes], int]:
    """`python ARGUMENTS` on a pseudo terminal of its own, and the descriptor at its other end."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=side,
        stdout=side,
        stderr=side,
        env=variables,
        start_new_session=True,
        cwd=ROOT,
    )
    os.close(side)
    return process, main


class Screen:
    """The program on a pseudo terminal that is always read."""

    def __init__(self, store: Path, folder: str, rows: int = 80, columns: int = 140) -> None:
        variables = {**os.environ, "TERM": "xterm-256color", "XDG_CONFIG_HOME": folder, "PYTHONPATH": str(ROOT)}
        command = ["-m", "repro", "--store", str(store)]
        self.process, self.main = on_terminal(command, variables, rows, columns)
        self.output, self.news = b"", threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        try:
            while data := os.read(self.main, 1 << 16):
                with self.news:
                    self.output = (self.output + data)[-(1 << 20) :]
                    self.news.notify_all()
        except OSError:
            pass

    def press(self, keys: bytes, wanted: bytes, seconds: float = 20.0) -> float:
        """Seconds from a key press until `wanted` is written."""
        with self.news:
            self.output = b""
            started = time.perf_counter()
            os.write(self.main, keys)
            if not self.news.wait_for(lambda: wanted in self.output, seconds):
                raise SystemExit(f"{wanted!r} never came")
        return time.perf_counter() - started
