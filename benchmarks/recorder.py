"""What a program costs more under the recorder, against the same program alone; wall and processor seconds."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from repro.environment import definition
from repro.recorder import single_file

PROGRAM = Path(__file__).resolve().parent / "plain" / "trained.py"
PAIRS = int(os.environ.get("BENCH_PAIRS", "5"))
MIB = 1 << 20


def run(kind: str, folder: Path, hook: Path | None) -> dict[str, Any]:
    """Run the program in keras-3, with the recorder's folder on its path or without it."""
    environment = definition.get("keras-3")
    variables = {**environment.interpreter_variables(), "HOME": str(folder), "PATH": os.environ["PATH"]}
    if hook is not None:
        variables |= {"PYTHONPATH": str(hook), "REPRO_RECORD_STORE": str(folder / "store")}
    started = time.time()
    done = subprocess.run(
        [environment.python, "-s", PROGRAM, kind], env=variables, check=True, capture_output=True, text=True
    )
    measured: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    measured["start_seconds"] = measured["first_step"] - started
    return measured


def measure(kind: str, step_limit: float) -> list[tuple[str, str, str]]:
    """Return rows of (what, figure, limit) of one program; SystemExit if its weights are others under the recorder."""
    pairs = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        single_file.write_hook_folder(folder / "hook")
        for place in range(PAIRS + 1):
            order = [None, folder / "hook"] if place % 2 else [folder / "hook", None]
            by_hook = {hook: run(kind, folder, hook) for hook in order}
            alone, recorded = by_hook[None], by_hook[folder / "hook"]
            if alone["weights_sha256"] != recorded["weights_sha256"]:
                raise SystemExit(f"{kind}: the weights are others under the recorder")
            if place:  # the first pair fills the caches of files
                pairs.append((alone, recorded))
        recordings = len(list((folder / "store").glob("2*/events.jsonl")))
    if recordings != PAIRS + 1:
        raise SystemExit(f"{kind}: {recordings} recordings of {PAIRS + 1}")

    def median(name: str, *, ratio: bool = False) -> float:
        return statistics.median(
            recorded[name] / alone[name] if ratio else recorded[name] - alone[name] for alone, recorded in pairs
        )

    memory = median("peak_memory_bytes") / MIB
    most = max(50.0, 0.05 * statistics.median(alone["peak_memory_bytes"] for alone, _ in pairs) / MIB)
    return [
        (f"{kind}: a step, recorded / alone", f"{median('step_seconds', ratio=True):.3f}", f"{step_limit}"),
        (
            f"{kind}: processor seconds of a step, recorded / alone",
            f"{median('step_processor_seconds', ratio=True):.3f}",
            f"{step_limit}",
        ),
        (f"{kind}: to the first step, recorded - alone", f"{median('start_seconds'):+.2f} s", "0.3 s"),
        (
            f"{kind}: processor seconds to the first step, recorded - alone",
            f"{median('start_processor_seconds'):+.2f} s",
            "0.3 s",
        ),
        (f"{kind}: peak memory, recorded - alone", f"{memory:+.0f} MiB", f"{most:.0f} MiB"),
    ]


def main() -> None:
    kinds = {"dense": 1.10, "resnet50": 1.03}
    for kind in sys.argv[1:] or kinds:
        for what, figure, limit in measure(kind, kinds[kind]):
            print(f"{what:<75} {figure:>10}   at most {limit}", flush=True)


if __name__ == "__main__":
    main()
