"""First paint of the program with 500 runs in its store, against an empty Textual app, both in a pseudo terminal.

`python benchmarks/tui_start.py`: the medians and their ratio, which must stay under 1.5.
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

from benchmarks.measure import on_terminal  # noqa: E402

EMPTY = """
from textual.app import App
from textual.widgets import Static
class Empty(App):
    def compose(self):
        yield Static("original-bug")
Empty().run()
"""
RUNS = 500
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
    """Measure both in turn."""
    from tests.tui import recorded

    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "runs"
        for index in range(RUNS):
            recorded.light(store, index)
        variables = {**os.environ, "TERM": "xterm-256color", "XDG_CONFIG_HOME": folder, "PYTHONPATH": str(ROOT)}
        empty, ours = [], []
        for _ in range(TIMES):
            empty.append(first_paint(["-c", EMPTY], b"original-bug", variables))
            ours.append(first_paint(["-m", "repro", "--store", str(store)], b"original-bug", variables))
    for place, what in ((0, "seconds to the first paint"), (1, "of a core's time")):
        base, full = (statistics.median(one[place] for one in times) for times in (empty, ours))
        print(f"{what:<28}empty Textual app {base:.3f}   repro with {RUNS} runs {full:.3f}   ratio {full / base:.2f}")
    ratio = statistics.median(one[0] for one in ours) / statistics.median(one[0] for one in empty)
    print(f"at most 1.5: {'kept' if ratio <= 1.5 else 'NOT kept'}")
    return 0 if ratio <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
