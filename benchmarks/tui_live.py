"""The run screen while a run says much: 200 events and 2,000 log lines a second, in a pseudo terminal of 140x80 (so
that curves and log are both drawn).

`python benchmarks/tui_live.py`: how soon a key is answered (95th percentile, at most 100 ms) and the share of a core
that the program takes (at most 15 %).
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.measure import Screen  # noqa: E402
from benchmarks.tui_start import cpu_seconds  # noqa: E402
from repro.runs.directory import RunDirectory  # noqa: E402
from tests.support.runs import recorded  # noqa: E402

EVENTS, LINES = 200, 2000
TIMES, EVERY = 60, 0.4
TICK = 0.05


def say(run: RunDirectory, stop: threading.Event) -> None:
    """Events and log lines at their pace, until stopped."""
    epoch, seq, started = 0, len(recorded.beginning()), time.perf_counter()
    with run.file("worker.log").open("a") as log:
        while not stop.wait(TICK):
            due = int((time.perf_counter() - started) * EVENTS)
            recorded.append(run, recorded.epochs(epoch + 1, due), seq + epoch)
            lines = (due - epoch) * LINES // EVENTS
            log.write("".join(f"2026-11-24 I tensorflow/core: line {epoch} of the log, {i}\n" for i in range(lines)))
            log.flush()
            epoch = due


def main() -> int:
    """Measure, print, compare with the limits."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs"
        run = recorded.write(store, recorded.make_id(1), recorded.beginning(epochs=1_000_000))
        stop = threading.Event()
        with run.acquire():
            screen = Screen(store, folder)
            try:
                screen.press(b"", b"original-bug")
                screen.press(b"2", b"1 run")
                screen.press(b"\r", b"Log of the worker")
                writer = threading.Thread(target=say, args=(run, stop), daemon=True)
                writer.start()
                time.sleep(3)
                used, started = cpu_seconds(screen.process.pid), time.perf_counter()
                answers = []
                for _ in range(TIMES):
                    answers.append(screen.press(b"p", b"view is frozen"))
                    os.write(screen.main, b"p")
                    time.sleep(EVERY)
                share = (cpu_seconds(screen.process.pid) - used) / (time.perf_counter() - started)
                stop.set()
                writer.join()
            finally:
                screen.process.kill()
                screen.process.wait()
    answer = statistics.quantiles(answers, n=20)[-1]
    print(f"{EVENTS} events and {LINES} log lines a second:")
    median = statistics.median(answers)
    print(f"key to answer, 95th percentile {answer * 1000:5.0f} ms  (median {median * 1000:.0f} ms)   at most 100 ms")
    print(f"share of a core                {share * 100:5.1f} %                     at most 15 %")
    return 0 if answer <= 0.1 and share <= 0.15 else 1


if __name__ == "__main__":
    sys.exit(main())
