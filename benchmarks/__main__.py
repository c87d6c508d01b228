"""`make bench` (python -m benchmarks [--only WORD]): prints each measure with its limit."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import REPRO, Screen, paired, plain, product, wall_seconds

Row = tuple[str, str, str]
TIMES = int(os.environ.get("BENCH_TIMES", "3"))  # pairs whose median counts
STEP_GFLOP = 56.0  # one training step of ResNet50 on three images of 197 x 197


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
        for _ in range(TIMES):
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
    for _ in range(TIMES):
        ours, theirs = product("original-bug", "--environment", "keras-3"), plain("--epochs", "5")
        if ours["measurements"]["weights_sha256"] != theirs["weights_sha256"]:
            raise SystemExit("the weights differ from the plain script's")
        ratios.append(ours["process_seconds"] / theirs["process_seconds"])
    return [
        ("original-bug cold, wall, product / plain script (equal bits)", f"{statistics.median(ratios):.2f}", "0.60")
    ]


def from_enter() -> list[Row]:
    """From Enter in the terminal UI to the verdict, by a worker that got warm while nobody asked."""
    ratios, seconds = [], []
    for _ in range(2):
        theirs = plain("--epochs", "5")
        with tempfile.TemporaryDirectory() as folder:
            taken, weights = _enter(Path(folder) / "runs", folder)
        if weights != theirs["weights_sha256"]:
            raise SystemExit("the weights differ from the plain script's")
        seconds.append(taken)
        ratios.append(taken / theirs["process_seconds"])
    what = f"original-bug from Enter, warm worker {statistics.median(seconds):.1f} s / plain script (equal bits)"
    return [(what, f"{statistics.median(ratios):.2f}", "0.45")]


def _enter(store: Path, folder: str) -> tuple[float, str]:
    """Seconds from Enter to result.json, and the hash of the weights; the program is the real one in a terminal."""
    screen = Screen(store, folder, rows=40, columns=120)
    try:
        screen.press(b"", b"warmed up", seconds=180)
        screen.press(b"r", b"1 run")
        started = time.perf_counter()
        os.write(screen.main, b"\r")
        while not (found := list(store.glob("2*/result.json"))):
            if time.perf_counter() - started > 600:
                raise SystemExit("no verdict came")
            time.sleep(0.01)
        seconds = time.perf_counter() - started
    finally:
        screen.process.kill()
        screen.process.wait()
    events = map(json.loads, (found[0].parent / "events.jsonl").read_text().splitlines())
    if next(event for event in events if event["event"] == "worker_started")["warm_seconds"] is None:
        raise SystemExit("the warm worker was not used")
    return seconds, json.loads(found[0].read_text())["measurements"]["weights_sha256"]


def what_if() -> list[Row]:
    """20 momenta at 5 epochs of one traced run, and one more of a warm worker."""
    from repro.runs.directory import RunDirectory
    from repro.supervise.what_if import WhatIfSession

    momenta, epochs = [str(n / 20) for n in range(20)], ("1", "2", "5", "10", "20")
    theirs = plain("--epochs", "20", "--measure-at", *epochs[:-1])["process_seconds"]
    with tempfile.TemporaryDirectory() as store:
        started = time.perf_counter()
        traced = product("momentum-0.01", "--trace", store=store)
        asked = [word for momentum in momenta for word in ("--momentum", momentum)]
        asked += [word for epoch in epochs for word in ("--epoch", str(epoch))]
        wall_seconds([*REPRO, "what-if", traced["run"], *asked, "--store", store])
        ours = time.perf_counter() - started
        with WhatIfSession(RunDirectory(Path(store) / traced["run"])) as session:
            session.ask(0.5, 5)
            further = []
            for momentum in (0.1, 0.3, 0.7, 0.9, 0.95):
                begun = time.perf_counter()
                session.ask(momentum, 5)
                further.append(time.perf_counter() - begun)
        again = wall_seconds([*REPRO, "run", "momentum-0.01", "--trace", "--store", store])
    return [
        (
            f"20 momenta x 5 epochs, what-if {ours:.0f} s / plain scripts {20 * theirs:.0f} s (estimate)",
            f"{ours / (20 * theirs):.3f}",
            "0.05",
        ),
        ("a further momentum in a warm what-if", f"{statistics.median(further):.2f} s", "0.5 s"),
        ("the same run asked again", f"{again:.2f} s", "1 s"),
    ]


def traced_steps() -> list[Row]:
    """200 epochs, traced, against the plain script; and the plain script against what the processor could do."""
    text = Path("scenarios/original-bug.yaml").read_text(encoding="utf-8").replace("epochs: 5", "epochs: 200")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "long.yaml"
        file.write_text(text.replace("name: original-bug", "name: two-hundred-epochs"), encoding="utf-8")
        ours = product(str(file), "--images", "scenarios/images", "--trace")
    theirs = statistics.median(plain("--epochs", "200")["step_seconds"])
    steps = [event["seconds"] for event in ours["events"] if event["event"] == "epoch_finished"][1:]
    floor = STEP_GFLOP / sgemm_gflops()
    return [
        ("seconds a step over 200 epochs, traced / plain script", f"{statistics.median(steps) / theirs:.3f}", "1.05"),
        (f"seconds a step, plain {theirs:.2f} / floor at sgemm's rate {floor:.2f}", f"{theirs / floor:.2f}", "-"),
    ]


def sgemm_gflops() -> float:
    """Float32 matrix product, best of five, in GFLOP a second, on all usable cores."""
    import numpy as np

    a = np.ones((2048, 2048), np.float32)
    best = float("inf")
    for _ in range(5):
        started = time.perf_counter()
        a @ a
        best = min(best, time.perf_counter() - started)
    return float(2 * 2048**3 / best / 1e9)


def report() -> list[Row]:
    """All four scenarios of the report, with one training, against four plain scripts. A quarter of an hour and more.

    The plain script for 1000 epochs is reckoned from one of 100 epochs, before and after the product's run. The runs
    are kept in the folder $BENCH_STORE, where it is given; it must not hold them already.
    """
    names = ("original-bug", "momentum-0.01", "epochs-1000", "forced-learning-phase")
    hundred = [plain("--epochs", "100")]
    ours = product(*names, store=os.environ.get("BENCH_STORE"))["process_seconds"]
    hundred.append(plain("--epochs", "100"))
    steps = [step for one in hundred for step in one["step_seconds"]]
    theirs = statistics.mean(one["process_seconds"] for one in hundred) + 900 * statistics.mean(steps)
    scripts = (("5",), ("20", "--momentum", "0.01"), ("5", "--drift"))
    theirs += sum(plain("--epochs", *arguments)["process_seconds"] for arguments in scripts)
    return [
        (
            f"the report's four scenarios {ours:.0f} s / four plain scripts {theirs:.0f} s (estimate)",
            f"{ours / theirs:.2f}",
            "0.88",
        )
    ]


def evidence() -> list[Row]:
    """Export, comparison and check of recorded runs, each as a whole process."""
    from tests.support.runs.copied import make_run

    with tempfile.TemporaryDirectory() as folder:
        store, bundle = Path(folder) / "runs", Path(folder) / "bundle.zip"
        long = make_run(store, more_events=thousand_epochs(), result=thousand_losses).run
        for number in range(49):
            make_run(store, tail=f"b{number:03d}")
        runs = [path.name for path in sorted(store.iterdir())]
        export = wall_seconds([*REPRO, "export", long.id, "-o", str(bundle), "--store", str(store)])
        megabytes = bundle.stat().st_size / 1e6
        compare = wall_seconds([*REPRO, "compare", *runs, "--store", str(store)])
        with zipfile.ZipFile(bundle) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist()) / 1e6
        verify = wall_seconds([*REPRO, "verify", str(bundle), "--no-run", "--store", str(store)])
    return [
        ("export of a run of 1000 epochs", f"{export:.2f} s", "2 s"),
        ("its bundle", f"{megabytes:.2f} MB", "5 MB"),
        ("compare of 50 runs", f"{compare:.2f} s", "1 s"),
        (f"verify --no-run of that bundle ({unpacked:.1f} MB unpacked)", f"{verify:.2f} s", "1 s"),
    ]


def thousand_epochs() -> list[dict[str, object]]:
    """Epochs 6 to 1000 after the recorded five, a measurement at every tenth, and the end."""
    from tests.support.runs.copied import DATA

    recorded = [json.loads(line) for line in (DATA / "events.jsonl").read_text(encoding="utf-8").splitlines()]
    last = {event["event"]: event for event in recorded}
    found = []
    for epoch in range(6, 1001):
        names = ["epoch_finished", *(["predicted", "evaluated", "batch_norm_measured"] if epoch % 10 == 0 else [])]
        found += [{**last[name], "epoch": epoch} for name in names]
    return [*found, last["run_ended"]]


def thousand_losses(result: dict[str, Any]) -> None:
    """Change a result into that of a run with the epochs of `thousand_epochs`."""
    for figures in result["measurements"]["fit"].values():
        figures += [figures[-1]] * 995


SHORT = """\
format: 1
name: short
title: A run of a few seconds
group: control
about: For a sweep that is timed.
images: {directory: images, size: [32, 32], channels: 1}
model: {application: MobileNet, classes: 3}
compile: {optimizer: sgd, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 2}
measure: [evaluate, predict]
claims: []
"""


def workers() -> list[Row]:
    """A sweep of 8 short runs, of one thread each, on 2 Dask workers of one thread and on 1."""
    from tests.support.cluster import Cluster

    seconds = []
    for count in (2, 1):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "short.yaml").write_text(SHORT, encoding="utf-8")
            shutil.copytree("scenarios/images", folder / "images")
            cluster = Cluster(folder)
            try:
                for _ in range(count):
                    cluster.worker()
                where = ["--scheduler", cluster.address, "--store", str(folder / "runs")]
                asked = ["--seeds", "0:8", "--threads", "1", "--json"]
                started = time.perf_counter()
                done = subprocess.run(
                    [*REPRO, "sweep", str(folder / "short.yaml"), *asked, *where],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                seconds.append(time.perf_counter() - started)
            finally:
                cluster.close()
            if len(list((folder / "runs").glob("2*/result.json"))) != 8:
                raise SystemExit(done.stderr)
    cores = len(os.sched_getaffinity(0))
    what = f"sweep of 8 short runs, 2 Dask workers {seconds[0]:.0f} s / 1 worker {seconds[1]:.0f} s, {cores} cores"
    return [(what, f"{seconds[0] / seconds[1]:.2f}", "-")]


MEASURES: dict[str, Callable[[], list[Row]]] = {
    "help": help_page,
    "original-bug": original_bug,
    "enter": from_enter,
    "what-if": what_if,
    "steps": step_and_memory,
    "traced-steps": traced_steps,
    "evidence": evidence,
    "workers": workers,
    "report": report,
}
LONG = ("report",)  # only when asked for with --only


def main() -> None:
    options = argparse.ArgumentParser(prog="python -m benchmarks")
    options.add_argument("--only", choices=list(MEASURES), action="append", help="measure this alone")
    for name in options.parse_args().only or [name for name in MEASURES if name not in LONG]:
        for what, found, limit in MEASURES[name]():
            print(f"{what:<75} {found:>10}   at most {limit}", flush=True)


main()
