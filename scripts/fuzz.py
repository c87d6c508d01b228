"""A hundred thousand hostile cases, half drawn by Hypothesis, half led by coverage (atheris, where it is installed).

    python -m scripts.fuzz                     all readers; writes docs/evidence/fuzz.json
    python -m scripts.fuzz READER TOOL CASES   one reader in this process; prints its row

Each reader runs in a process of its own, whose peak memory is measured. Exit code 1 where anything was found.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "docs" / "evidence" / "fuzz.json"
# How many of the cases are each reader's. Screens take a second for four.
CASES = {
    "scenario": 40_000,
    "what-if": 29_940,
    "images": 15_000,
    "events": 6_000,
    "records": 6_000,
    "bundle": 3_000,
    "screens": 60,
}
TOOLS = ("hypothesis", "atheris")
MOST_MEMORY_BYTES = 1_000_000_000
MOST_FAULTS = 20


class Tried:
    """Cases of one reader, and what they found."""

    def __init__(self, reader: str, tool: str, wanted: int) -> None:
        self.row: dict[str, Any] = {"reader": reader, "tool": tool, "cases": 0, "faults": []}
        self.wanted = wanted
        self.started = time.monotonic()

    def one(self, reader: Any, draw: random.Random) -> None:
        """One case; a fault is noted, not raised, so that the others are tried too."""
        self.row["cases"] += 1
        try:
            reader.case(draw)
        except Exception as error:
            where = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)[-3:]]
            fault = {"kind": type(error).__name__, "says": ascii(str(error))[:600], "where": where}
            if fault not in self.row["faults"] and len(self.row["faults"]) < MOST_FAULTS:
                self.row["faults"].append(fault)

    def finish(self) -> dict[str, Any]:
        """The row, with time and memory."""
        self.row["seconds"] = round(time.monotonic() - self.started, 1)
        self.row["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return self.row


def with_hypothesis(reader: Any, tried: Tried) -> None:
    """As in the tests, but with other draws each time."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    @settings(
        max_examples=tried.wanted,
        deadline=None,
        database=None,
        phases=(Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @given(draw=st.randoms(use_true_random=False))
    def one(draw: random.Random) -> None:
        tried.one(reader, draw)

    while tried.row["cases"] < tried.wanted:  # Hypothesis stops early where it thinks it has seen all
        one()


def with_atheris(reader: Any, tried: Tried, report: Path) -> None:
    """Draws from bytes that are kept where they reach new code of ours; never returns."""
    import atheris

    from tests.support.fuzz.mutate import BytesRandom

    def one(data: bytes) -> None:
        tried.one(reader, BytesRandom(data))
        if tried.row["cases"] >= tried.wanted:
            report.write_text(json.dumps(tried.finish()))
            os._exit(0)

    atheris.Setup(
        [sys.argv[0], f"-seed={random.SystemRandom().randrange(1, 2**31)}", "-max_len=2048", "-verbosity=0"], one
    )
    atheris.Fuzz()


def in_this_process(name: str, tool: str, cases: int, report: Path) -> None:
    """Try one reader and write its row."""
    warnings.simplefilter("ignore")
    if tool == "atheris":
        import atheris

        with atheris.instrument_imports(include=["repro", "tui"]):
            from tests.support.fuzz.fuzz_targets import FUZZ_TARGETS
            from tests.support.fuzz.screens import ScreensTarget
    else:
        from tests.support.fuzz.fuzz_targets import FUZZ_TARGETS
        from tests.support.fuzz.screens import ScreensTarget
    tried = Tried(name, tool, cases)
    with tempfile.TemporaryDirectory(prefix="repro-fuzz-") as folder:
        kinds = {**FUZZ_TARGETS, "screens": ScreensTarget}
        reader = kinds[name](Path(folder))
        if tool == "atheris":
            with_atheris(reader, tried, report)
        with_hypothesis(reader, tried)
    report.write_text(json.dumps(tried.finish()))


def everything(share: float) -> int:
    """All readers, one after another; the result is written and told."""
    tools = [tool for tool in TOOLS if _is_installed(tool)]
    rows = []
    for name, cases in CASES.items():
        # A session with the screens holds too little code of ours in each case to be led by.
        mine = tools[:1] if name == "screens" else tools
        for tool in mine:
            rows.append(_apart(name, tool, max(1, round(cases * share / len(mine)))))
            row = rows[-1]
            print(
                f"{name:<9} {tool:<11} {row['cases']:>6} cases  {row['seconds']:>7.1f} s  "
                f"{row['peak_memory_bytes'] / 1e6:>5.0f} MB  {len(row['faults'])} faults",
                flush=True,
            )
            for fault in row["faults"]:
                print(f"    {fault['kind']}: {fault['says']}  {fault['where']}")
    peak = max(row["peak_memory_bytes"] for row in rows)
    found = {
        "format": 1,
        "python": platform.python_version(),
        "tools": tools,
        "cases": sum(row["cases"] for row in rows),
        "seconds": round(sum(row["seconds"] for row in rows), 1),
        "faults": sum(len(row["faults"]) for row in rows),
        "peak_memory_bytes": peak,
        "readers": rows,
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    return 1 if found["faults"] or peak > MOST_MEMORY_BYTES else 0


def _apart(name: str, tool: str, cases: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "row.json"
        command = [sys.executable, "-m", "scripts.fuzz", name, tool, str(cases), "--report", str(report)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if not report.exists():
            fault = {"kind": "Ended", "says": ascii(done.stderr[-300:]), "where": [f"exit code {done.returncode}"]}
            return {"reader": name, "tool": tool, "cases": 0, "faults": [fault], "seconds": 0, "peak_memory_bytes": 0}
        row: dict[str, Any] = json.loads(report.read_text())
        return row


def _is_installed(tool: str) -> bool:
    import importlib.util

    return importlib.util.find_spec(tool) is not None


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reader", nargs="?", choices=[*CASES])
    parser.add_argument("tool", nargs="?", choices=TOOLS, default="hypothesis")
    parser.add_argument("cases", nargs="?", type=int, default=1000)
    parser.add_argument("--report", type=Path, default=Path("/dev/stdout"), help="Where the row goes.")
    parser.add_argument("--share", type=float, default=1.0, help="Of all cases.")
    given = parser.parse_args()
    if given.reader is None:
        return everything(given.share)
    in_this_process(given.reader, given.tool, given.cases, given.report)
    return 0


if __name__ == "__main__":
    sys.exit(main())
