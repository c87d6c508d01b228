"""How much the open Run screen slows training: seconds a step with the screen and without it, in turn, in one run.

`python benchmarks/tui_load.py [PAIRS]`: original-bug's training with more epochs, in keras-3; before each stretch of 10
steps the screen is opened on a pseudo terminal, or closed (3 minutes for 6 pairs). The median of the pairs' ratios must
stay under 1.02. Only an idle machine gives a figure worth reading.
"""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.tui_live import Screen  # noqa: E402
from benchmarks.tui_start import cpu_seconds  # noqa: E402
from repro.runs.directory import RunDirectory  # noqa: E402
from repro.runs.store import Store  # noqa: E402

STEPS = 10
PAIRS = 6
LIMIT = 1.02
SECONDS = 600.0  # that one stretch may take, and the start


def scenario(folder: Path, epochs: int) -> Path:
    """The report's training with more epochs, and without claims, which are about five."""
    shutil.copytree(ROOT / "scenarios" / "images", folder / "images")
    text = (ROOT / "scenarios" / "original-bug.yaml").read_text("utf-8")
    file = folder / "load.yaml"
    file.write_text(
        text[: text.index("\nclaims:")].replace("epochs: 5,", f"epochs: {epochs},") + "\nclaims: []\n", "utf-8"
    )
    return file


def wait_for_epoch(run: RunDirectory, epoch: int, training: subprocess.Popen[bytes]) -> Sequence[float]:
    """Seconds of all epochs so far, one step each, as soon as `epoch` of them are over."""
    end = time.monotonic() + SECONDS
    while len(found := run.progress().epoch_seconds) < epoch:
        if training.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"the run came to epoch {len(found)}, not to {epoch}")
        time.sleep(0.2)
    return found


def stretch(run: RunDirectory, training: subprocess.Popen[bytes]) -> float:
    """Median seconds of the next steps, without the one that goes on now."""
    first = len(run.progress().epoch_seconds) + 1
    return statistics.median(wait_for_epoch(run, first + STEPS, training)[first : first + STEPS])


def watched(run: RunDirectory, store: Path, folder: Path, training: subprocess.Popen[bytes]) -> tuple[float, float]:
    """The same while the Run screen is open, and the share of a core that the screen takes."""
    screen = Screen(store, str(folder))
    try:
        screen.press(b"", b"original-bug")
        screen.press(b"2", b"1 run")
        screen.press(b"\r", b"Log of the worker")
        used, started = cpu_seconds(screen.process.pid), time.perf_counter()
        seconds = stretch(run, training)
        return seconds, (cpu_seconds(screen.process.pid) - used) / (time.perf_counter() - started)
    finally:
        screen.process.send_signal(signal.SIGKILL)
        screen.process.wait()


def main(pairs: int = PAIRS) -> int:
    """Measure, print, compare with the limit."""
    with tempfile.TemporaryDirectory() as name:
        folder, store = Path(name), Path(name) / "runs"
        epochs = 10 + pairs * 2 * (STEPS + 10)  # stopped before; but an end, should this process be killed
        command = [
            sys.executable,
            "-m",
            "repro",
            "run",
            str(scenario(folder, epochs)),
            "--plain",
            "--store",
            str(store),
        ]
        variables = {**os.environ, "PYTHONPATH": str(ROOT)}
        output = (folder / "output").open("wb")
        training = subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            end = time.monotonic() + SECONDS
            while not (store.is_dir() and Store(store).runs()):
                if training.poll() is not None or time.monotonic() > end:
                    raise SystemExit((folder / "output").read_text("utf-8"))
                time.sleep(0.2)
            run = Store(store).runs()[0]
            wait_for_epoch(run, 3, training)
            alone, open_, shares = [], [], []
            for _ in range(pairs):
                alone.append(stretch(run, training))
                seconds, share = watched(run, store, folder, training)
                open_.append(seconds)
                shares.append(share)
            run.request_stop()
            training.wait(SECONDS)
        finally:
            if training.poll() is None:
                training.kill()
                training.wait()
            output.close()
    ratio = statistics.median(b / a for a, b in zip(alone, open_, strict=True))
    without, with_ = statistics.median(alone), statistics.median(open_)
    print(f"{pairs} pairs of {STEPS} steps: {without:.3f} s a step alone, {with_:.3f} s with the Run screen, ", end="")
    print(f"which takes {statistics.median(shares) * 100:.1f} % of a core")
    print(f"ratio {ratio:.3f}, at most {LIMIT}: {'kept' if ratio <= LIMIT else 'NOT kept'}")
    return 0 if ratio <= LIMIT else 1


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
