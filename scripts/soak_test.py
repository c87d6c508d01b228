"""Eight hours' worth of a run through the screen, and a hundred real runs from one start of the program.

    python -m scripts.soak_test [--only eight-hours | --only hundred-runs] [--runs 100] [--result FILE]

The program is real, on a pseudo terminal, and driven by keys.

Eight hours: the run's events are written by us, as fast as the screen is asked to follow (an epoch and ten log lines
for each second of eight hours). Promised: memory within 10 % of what it was after a tenth of the way, no more open
files and child processes than then, no more threads than then or than its own and its pool's.

A hundred runs: real training in keras-3, as short as it can be (VGG16 on pictures of 32 x 32 pixels, one epoch: 6 s
each), ten to a start, watched and looked at between. Promised: all of them finish; the same of memory, open files,
child processes and threads, against what they were after the tenth run; the terminal is left as it was found.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import termios
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT, Screen
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from tests.support.runs import recorded
from tests.support.terminal import MODES
from tui.app import POOL_THREADS

EPOCHS, LINES = 8 * 3600, 10
PER_SECOND = 200
MEASURED_EVERY = 600
SAMPLES = 40

RUNS, AT_ONCE = 100, 10
RUN_SECONDS = 300.0  # within which the next run must have ended
LOOK_SECONDS = 0.5
HAND_SECONDS = 0.1  # between two keys: what is typed in the very moment the focus moves goes astray
SHORT = """format: 1
name: short
title: The shortest training there is
group: control
about: For many runs in a row.
images: {directory: images, size: [32, 32], channels: 1}
model: {application: VGG16, classes: 3}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 1, shuffle: true, batch_size: 32}
measure: [predict]
claims:
  - {id: S1, says: it was trained, value: fit.accuracy, is: at_least, to: 0.0}
"""
SHIFT_TAB, ENTER, ESCAPE, F5 = b"\x1b[Z", b"\r", b"\x1b", b"\x1b[15~"

OWN_THREADS = 6  # main, input and output of the terminal, its end, the store, the run that is shown

Sample = dict[str, int]


def sample(pid: int) -> Sample:
    """Resident memory in bytes, open files, threads and child processes of a process."""
    place = Path("/proc") / str(pid)
    status = dict(line.split(":", 1) for line in (place / "status").read_text().splitlines() if ":" in line)
    children = [name for task in (place / "task").iterdir() for name in (task / "children").read_text().split()]
    return {
        "memory": int(status["VmRSS"].split()[0]) * 1024,
        "files": len(list((place / "fd").iterdir())),
        "threads": int(status["Threads"]),
        "children": len(children),
    }


def verdict(early: Sequence[Sample], late: Sequence[Sample]) -> dict[str, Any]:
    """Late against early: medians of memory, the least of all else (a leak raises it)."""
    bounds = {"threads": OWN_THREADS + POOL_THREADS}  # the pool begins a thread when all it has are at work
    memory = [round(statistics.median(one["memory"] for one in part) / 1e6, 1) for part in (early, late)]
    found: dict[str, Any] = {"memory_megabytes": memory}
    counted = ("files", "threads", "children")
    for name in counted:
        found[name] = [min(one[name] for one in part) for part in (early, late)]
    found["kept"] = memory[1] <= 1.1 * memory[0] and all(
        found[name][1] <= max(found[name][0], bounds.get(name, 0)) for name in counted
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
            screen.press(b"2", b"1 run")
            screen.press(ENTER, b"original-bug")
            for done in _replay(run, epochs):
                if done % (epochs // SAMPLES) == 0:
                    samples.append(sample(screen.process.pid))
        finally:
            screen.process.kill()
            screen.process.wait()
    tenth = max(1, len(samples) // 10)
    return {
        "epochs": epochs,
        "log_lines": epochs * LINES,
        "seconds": round(time.perf_counter() - started),
        **verdict(samples[tenth : 2 * tenth], samples[-2 * tenth :]),
    }


def _replay(run: RunDirectory, epochs: int) -> Iterator[int]:
    """Write epoch by epoch, at most PER_SECOND of them; each number that was written."""
    seq, started = len(recorded.beginning()), time.perf_counter()
    with run.file(layout.WORKER_LOG).open("a", encoding="utf-8") as log:
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


def many_runs(folder: Path, count: int = RUNS) -> dict[str, Any]:
    """`count` short trainings, started by keys, ten at a time, from one start of the program."""
    store = folder / "runs"
    shutil.copytree(ROOT / "scenarios" / "images", folder / "images")
    (folder / "short.yaml").write_text(SHORT, encoding="utf-8")
    started = time.perf_counter()
    samples: list[tuple[int, Sample]] = []
    screen = Screen(store, str(folder), rows=60)
    try:
        before = termios.tcgetattr(screen.main)
        screen.press(b"", b"original-bug")
        screen.press(b"o", b"Open a scenario file")
        screen.press(str(folder / "short.yaml").encode() + ENTER, b"The shortest training there is")
        for first in range(0, count, AT_ONCE):
            last = min(first + AT_ONCE, count)
            _start(screen, first, last)
            samples += _wait_for(screen, store, last)
            _look_around(screen, last)
        exit_code, terminal_restored = _leave(screen, before)
    finally:
        screen.process.kill()
        screen.process.wait()
    finished = sum(run.state() == "finished" for run in Store(store).runs())
    tenth = max(1, count // 10)
    found = verdict(
        [one for done, one in samples if tenth <= done < 2 * tenth],
        [one for done, one in samples if done >= count - tenth],
    )
    whole = finished == len(Store(store).runs()) == count and exit_code == 0 and terminal_restored
    return {
        "runs": count,
        "finished": finished,
        "exit_code": exit_code,
        "terminal_restored": terminal_restored,
        "seconds": round(time.perf_counter() - started),
        **found,
        "kept": found["kept"] and whole,
    }


def _start(screen: Screen, first: int, last: int) -> None:
    """From the library: seeds `first` to `last`, which is left out, one run each."""
    screen.press(b"r", b"Seeds", RUN_SECONDS)
    time.sleep(10 * HAND_SECONDS)  # a hand needs longer from the first key to the next than the dialog to stand
    text = b"one after another" if last - first > 1 else b"1 run"
    for key in [SHIFT_TAB] * 4:
        os.write(screen.main, key)
        time.sleep(HAND_SECONDS)
    screen.press(f"{first}:{last}".encode(), text, RUN_SECONDS)
    os.write(screen.main, F5)


def _wait_for(screen: Screen, store: Path, count: int) -> Iterator[tuple[int, Sample]]:
    """Until `count` runs have their results: how many had, and the program's sample, at each look."""
    done, end = -1, 0.0
    while done < count:
        found = sum(run.has_result() for run in Store(store).runs())
        if found != done:
            done, end = found, time.monotonic() + RUN_SECONDS
        elif time.monotonic() > end:
            raise SystemExit(f"run {done + 1} did not end within {RUN_SECONDS:.0f} s")
        yield done, sample(screen.process.pid)
        time.sleep(LOOK_SECONDS)


def _look_around(screen: Screen, count: int) -> None:
    """The list, the newest run, its report, and back to the library."""
    screen.press(b"2", f"{count} runs".encode(), RUN_SECONDS)
    screen.press(ENTER, b"Log of the worker", RUN_SECONDS)
    screen.press(b"e", b"unpacked", RUN_SECONDS)
    screen.press(ESCAPE, b"Log of the worker", RUN_SECONDS)
    screen.press(ESCAPE, f"{count} runs".encode(), RUN_SECONDS)
    screen.press(b"1", b"The shortest training there is", RUN_SECONDS)


def _leave(screen: Screen, before: list[Any]) -> tuple[int, bool]:
    """The exit code, and whether the terminal's modes are what they were."""
    screen.press(b"q", b"\x1b[?1049l", RUN_SECONDS)
    code = screen.process.wait(RUN_SECONDS)
    turned_off = all(f"\x1b[?{mode}l".encode() in screen.output for mode in MODES)
    return code, turned_off and termios.tcgetattr(screen.main)[:4] == before[:4]


PARTS = {"eight-hours": "eight_hours", "hundred-runs": "hundred_runs"}


def main() -> int:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="one of the two measurements")
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--result", type=Path, help="where to keep what was found, beside what the other one found")
    asked = parser.parse_args()
    found: dict[str, Any] = {"format": 1}
    if asked.result is not None and asked.result.exists():
        kept = json.loads(asked.result.read_text("utf-8"))
        found |= {name: kept[name] for name in PARTS.values() if name in kept}
    good = True
    for part in [asked.only] if asked.only else PARTS:
        with tempfile.TemporaryDirectory(prefix="repro-soak-test-") as folder:
            measured = eight_hours(Path(folder)) if part == "eight-hours" else many_runs(Path(folder), asked.runs)
        print(part, json.dumps(measured), flush=True)
        found[PARTS[part]] = measured
        good = good and measured["kept"]
        if asked.result is not None:
            asked.result.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
