"""Records a program, asks for its diagnosis, and keeps the answers."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from benchmarks.causes.truth import Truth

ROOT = Path(__file__).resolve().parents[2]
REPRO = str(Path(sys.executable).parent / "repro")
LIMIT_S = 1800
NOTHING_RECORDED = "nothing-recorded"

Entry = dict[str, Any]


def repro_sha256() -> str:
    """Of all Python files of `repro`, with their names."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "repro").rglob("*.py")):
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


def json_lines(text: str) -> list[Entry]:
    """The JSON objects among the lines of what a command printed."""
    found = []
    for line in text.splitlines():
        if line.startswith("{"):
            found.append(json.loads(line))
    return found


def _run(command: list[str], folder: str) -> subprocess.CompletedProcess[str]:
    # The programs are to find no package of the checkout, and each is to have one thread, as a shared machine has.
    variables = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"OMP_NUM_THREADS": "1"}
    try:
        return subprocess.run(
            command, cwd=folder, env=variables, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"took longer than {LIMIT_S} s")


def _diagnosis(store: str, recording: str, folder: str) -> Entry:
    started = time.perf_counter()
    done = _run([REPRO, "diagnose", recording, "--store", store, "--json"], folder)
    answers = json_lines(done.stdout) or ([json.loads(done.stdout)] if done.stdout.strip().startswith("{") else [])
    entry: Entry = {"recording": recording, "exit": done.returncode, "seconds": round(time.perf_counter() - started, 2)}
    if not answers:
        return entry | {"diagnosis": None, "findings": [], "error": done.stderr[-500:]}
    findings = [
        {"cause": f["cause"], "confidence": f["numbers"].get("confidence"), "says": f["says"]}
        for f in answers[0]["findings"]
    ]
    return entry | {"diagnosis": answers[0]["diagnosis"], "findings": findings}


def measure(truth: Truth, seed: int, store: str, through: str = "", printed: Path | None = None) -> Entry:
    """Runs the program once under the recorder; the last recording's diagnosis is the answer."""
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        record = [REPRO, "record", "--environment", truth.environment, "--store", store, "--json", "--"]
        done = _run([*shlex.split(through), *record, "python", str(truth.path), str(seed)], folder)
        seconds = time.perf_counter() - started
        recordings = [_diagnosis(store, run["run"], folder) for run in json_lines(done.stdout)]
    if printed is not None:
        (printed / f"{truth.path.stem}-{seed}.txt").write_text(done.stderr, encoding="utf-8")
    entry: Entry = {
        "program": truth.program,
        "environment": truth.environment,
        "seed": seed,
        "program_sha256": truth.sha256,
        "repro_sha256": repro_sha256(),
        "cause": truth.cause,
        "also": list(truth.also),
        "healthy": truth.healthy,
        "exit": done.returncode,
        "seconds": round(seconds, 1),
        "answer": (recordings[-1]["diagnosis"] if recordings else None) or NOTHING_RECORDED,
        "recordings": recordings,
    }
    if done.returncode or not recordings:
        entry["error"] = done.stderr[-1000:]
    return entry


def read_results(file: Path) -> list[Entry]:
    """The entries of a result file; none where there is no file yet."""
    if not file.exists():
        return []
    data = json.loads(file.read_text(encoding="utf-8"))
    if data.get("format") != 1:
        raise ValueError(f"{file}: format {data.get('format')} is not 1")
    return list(data["programs"])


def write_results(file: Path, half: str, entries: list[Entry]) -> None:
    """Writes beside the file and renames."""
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    data = {"format": 1, "half": half, "commit": commit.stdout.strip() or None, "programs": entries}
    new = file.with_suffix(".new")
    file.parent.mkdir(parents=True, exist_ok=True)
    new.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    new.replace(file)


def measure_all(
    truths: list[Truth],
    seeds: range,
    half: str,
    result: Path,
    store: str,
    *,
    through: str = "",
    printed: Path | None = None,
    workers: int = 1,
    at_most: int | None = None,
) -> Iterator[Entry]:
    """Measures what the result file lacks, of healthy programs all seeds, of others the first; yields each entry."""
    entries = read_results(result)
    repro = repro_sha256()
    done = {(e["program"], e["program_sha256"], e["repro_sha256"], e["seed"]) for e in entries}
    wanted = [(t, seed) for seed in seeds for t in truths if t.healthy or seed == seeds[0]]
    missing = [(t, seed) for t, seed in wanted if (t.program, t.sha256, repro, seed) not in done]
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(measure, truth, seed, store, through, printed) for truth, seed in missing[:at_most]]
        for job in as_completed(jobs):
            entry = job.result()
            key = (entry["program"], entry["seed"])
            entries = [e for e in entries if (e["program"], e["seed"]) != key] + [entry]
            entries.sort(key=lambda e: (e["program"], e["seed"]))
            write_results(result, half, entries)
            yield entry
