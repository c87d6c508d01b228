"""First paint of the program with 500 and 10,000 runs in its store, against an empty Textual app, in a pseudo terminal.

`python benchmarks/tui_start.py`: the medians and their ratios, of which two must stay under 1.5: 500 runs against the
empty app, and 10,000 runs against 500. Also the wall time of `repro runs` with 10,000 runs, which must stay under 1 s.
"""

from __future__ import annotations

import contextlib
import os
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.measure import on_terminal, wall_seconds  # noqa: E402

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("original-bug")
Empty().run()
"""
RUNS, MANY = 500, 10_000
TIMES = 7


def first_paint(arguments: list[str], wanted: bytes, variables: dict[str, str]) -> tuple[float, float]:
    """Seconds, and seconds of a core, from the start of the process until `wanted` stands on the terminal."""
    started = time.perf_counter()
    process, main = on_terminal(arguments, variables, rows=40, columns=120)
    output = b""
    try:
        while wanted not in output:
            output += os.read(main, 1 << 16)
        return time.perf_counter() - started, cpu_seconds(process.pid)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        with contextlib.suppress(OSError):
            os.close(main)


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure all in turn."""
    from tests.support.runs import recorded

    with tempfile.TemporaryDirectory() as folder:
        stores = {count: Path(folder) / str(count) for count in (RUNS, MANY)}
        for count, store in stores.items():
            for index in range(count):
                recorded.light(store, index)
        variables = {**os.environ, "TERM": "xterm-256color", "XDG_CONFIG_HOME": folder, "PYTHONPATH": str(ROOT)}
        times: dict[int, list[tuple[float, float]]] = {0: [], RUNS: [], MANY: []}
        listed = []
        for _ in range(TIMES):
            times[0].append(first_paint(["-c", EMPTY], b"original-bug", variables))
            for count, store in stores.items():
                times[count].append(first_paint(["-m", "repro", "--store", str(store)], b"original-bug", variables))
            listed.append(wall_seconds([sys.executable, "-m", "repro", "--store", str(stores[MANY]), "runs"], cwd=ROOT))
    for place, what in ((0, "seconds to the first paint"), (1, "of a core's time")):
        base, full, many = (statistics.median(one[place] for one in times[count]) for count in (0, RUNS, MANY))
        print(f"{what:<28}empty Textual app {base:.3f}   repro with {RUNS} runs {full:.3f}   ratio {full / base:.2f}")
        print(f"{'':<28}repro with {MANY} runs {many:.3f}   against {RUNS} {many / full:.2f}")
    print(f"repro runs with {MANY} runs: {statistics.median(listed):.2f} s")
    base, full, many = (statistics.median(one[0] for one in times[count]) for count in (0, RUNS, MANY))
    kept = full / base <= 1.5 and many / full <= 1.5 and statistics.median(listed) <= 1.0
    print(f"at most 1.5, 1.5 and 1 s: {'kept' if kept else 'NOT kept'}")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
