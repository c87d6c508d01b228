"""`make bench` (python -m benchmarks [--only WORD]): prints each measure with its limit."""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import REPRO, paired, plain, product

Row = tuple[str, str, str]


def help_page() -> list[Row]:
    """`repro --help` against importing what it is made of."""
    first, second, ratio = paired([*REPRO, "--help"], [sys.executable, "-c", "import click, msgspec"], runs=15)
    return [(f"repro --help {first:.3f} s / import click, msgspec {second:.3f} s", f"{ratio:.2f}", "2.0")]


def step_and_memory() -> list[Row]:
    """50 epochs with telemetry against a plain script that makes the same measurements."""
    text = Path("scenarios/original-bug.yaml").read_text(encoding="utf-8").replace("epochs: 5", "epochs: 50")
    text = text.replace("name: original-bug", "name: fifty-epochs")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "fifty.yaml"
        file.write_text(text, encoding="utf-8")
        ratios, extra, memory = [], [], []
        for _ in range(3):
            ours = product(str(file), "--images", "scenarios/images")
            theirs = plain("--epochs", "50", "--drift")
            steps = [event["seconds"] for event in ours["events"] if event["event"] == "epoch_finished"][1:]
            ratios.append(statistics.median(steps) / statistics.median(theirs["step_seconds"]))
            training = sum(event["seconds"] for event in ours["events"] if event["event"] == "epoch_finished")
            plain_training = theirs["first_epoch_seconds"] + sum(theirs["step_seconds"])
            extra.append((ours["process_seconds"] - training) - (theirs["process_seconds"] - plain_training))
            peak = next(e for e in ours["events"] if e["event"] == "training_finished")["peak_memory_bytes"]
            memory.append(peak / theirs["peak_memory_bytes"])
            if ours["measurements"]["weights_sha256"] != theirs["weights_sha256"]:
                raise SystemExit("the weights differ from the plain script's")
    return [
        ("seconds an epoch over 50, product / plain script", f"{statistics.median(ratios):.3f}", "1.03"),
        ("seconds around training, product - plain script", f"{statistics.median(extra):+.2f} s", "1 s"),
        ("peak memory, product / plain script", f"{statistics.median(memory):.3f}", "1.10"),
    ]


def original_bug() -> list[Row]:
    """From command to verdict."""
    ratios = []
    for _ in range(3):
        ours, theirs = product("original-bug", "--environment", "keras-3"), plain("--epochs", "5")
        if ours["measurements"]["weights_sha256"] != theirs["weights_sha256"]:
            raise SystemExit("the weights differ from the plain script's")
        ratios.append(ours["process_seconds"] / theirs["process_seconds"])
    return [
        ("original-bug cold, wall, product / plain script (equal bits)", f"{statistics.median(ratios):.2f}", "0.60")
    ]


MEASURES: dict[str, Callable[[], list[Row]]] = {
    "help": help_page,
    "original-bug": original_bug,
    "steps": step_and_memory,
}


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks")
    options.add_argument("--only", choices=list(MEASURES), action="append", help="measure this alone")
    for name in options.parse_args().only or MEASURES:
        for what, found, limit in MEASURES[name]():
            print(f"{what:<75} {found:>10}   at most {limit}", flush=True)


main()
