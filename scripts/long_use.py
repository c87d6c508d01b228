"""Eight hours' worth of a run through the screen.

    python -m scripts.long_use [--result docs/evidence/long-use.json]

The program is real, on a pseudo terminal; the run's events are written by us, as fast as the screen is asked to follow
(an epoch and ten log lines for each second of eight hours). Promised: memory within 10 % of what it was after a
tenth of the way, no more open files and threads than then.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Screen
from repro.runs.store import RunDirectory
from tests.tui import recorded

EPOCHS, LINES = 8 * 3600, 10
PER_SECOND = 200
MEASURED_EVERY = 600
SAMPLES = 40

Sample = dict[str, int]


def sample(pid: int) -> Sample:
    """Resident memory in bytes, open files and threads of a process."""
    place = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines() if ":" in line)
    return {
        "memory": int(status["VmRSS"].split()[0]) * 1024,
        "files": len(list((place / "fd").iterdir())),
        "threads": int(status["Threads"]),
    }


def verdict(samples: list[Sample]) -> dict[str, Any]:
    """The last fifth against the second tenth: medians of memory, least files and threads (a leak raises them)."""
    tenth = max(1, len(samples) // 10)
    early, late = samples[tenth : 2 * tenth], samples[-2 * tenth :]
    memory = [round(statistics.median(one["memory"] for one in part) / 1e6, 1) for part in (early, late)]
    found: dict[str, Any] = {"memory_megabytes": memory}
    for name in ("files", "threads"):
        found[name] = [min(one[name] for one in part) for part in (early, late)]
    found["kept"] = memory[1] <= 1.1 * memory[0] and all(
        found[name][1] <= found[name][0] for name in ("files", "threads")
    )
    return found


def eight_hours(folder: Path, epochs: int = EPOCHS) -> dict[str, Any]:
    """A run of `epochs` seconds, replayed, with its screen open."""
    store = folder / "runs"
    run = recorded.write(store, recorded.make_id(1), recorded.beginning(epochs=epochs + 1))
    samples = []
    started = time.perf_counter()
    with run.acquire():
        screen = Screen(store, str(folder), rows=60)
        try:
            screen.press(b"", b"original-bug")
            screen.press(b"2", b"1 runs")
            screen.press(b"\r", b"original-bug")
            for done in _replay(run, epochs):
                if done % (epochs // SAMPLES) == 0:
                    samples.append(sample(screen.process.pid))
        finally:
            screen.process.kill()
            screen.process.wait()
    return {
        "epochs": epochs,
        "log_lines": epochs * LINES,
        "seconds": round(time.perf_counter() - started),
        **verdict(samples),
    }


def _replay(run: RunDirectory, epochs: int) -> Iterator[int]:
    """Write epoch by epoch, at most PER_SECOND of them; each number that was written."""
    seq, started = len(recorded.beginning()), time.perf_counter()
    with run.file("worker.log").open("a", encoding="utf-8") as log:
        for epoch in range(1, epochs + 1):
            said = recorded.epochs(epoch, epoch)
            if epoch % MEASURED_EVERY == 0:
                said += recorded.measured(epoch)
            recorded.append(run, said, seq)
            seq += len(said)
            log.write("".join(f"2026-11-24 I tensorflow/core: epoch {epoch}, line {line}\n" for line in range(LINES)))
            log.flush()
            time.sleep(max(0.0, started + epoch / PER_SECOND - time.perf_counter()))
            yield epoch


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--result", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="repro-long-use-") as folder:
        found = {"format": 1, **eight_hours(Path(folder))}
    print(json.dumps(found))
    if asked.result is not None:
        asked.result.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if found["kept"] else 1


if __name__ == "__main__":
    sys.exit(main())
