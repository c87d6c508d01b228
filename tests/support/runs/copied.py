"""Runs for the tests: a recorded one of keras-2.0.9, with changes, whole again (its hashes are those of its files)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from repro.base.files import sha256
from repro.runs.directory import RunDirectory
from repro.runs.view import RunView
from repro.scenario import images as scenario_images

DATA = Path(__file__).resolve().parent / "data" / "recorded"
# What that run was trained on.
IMAGES = DATA.parent / "images"
STATISTICS = ("arrays/moving-statistics-0000005.npy", "arrays/batch-statistics-0000005.npy")

Change = Callable[[Any], None]


def make_run(
    store: Path,
    *,
    tail: str = "abcd",
    run: Change | None = None,
    result: Change | None = None,
    environment: Change | None = None,
    scenario: Callable[[str], str] | None = None,
    log: str = "",
    more_events: list[dict[str, Any]] | None = None,
    finished: bool = True,
) -> RunView:
    """A run directory in `store`; each change gets the file's data before it is written."""
    record = json.loads((DATA / "run.json").read_bytes())
    record["id"] = record["id"][:-4] + tail
    folder = store / record["id"]
    (folder / "arrays").mkdir(parents=True)
    (folder / "weights").mkdir()
    text = (DATA / "scenario.yaml").read_text()
    (folder / "scenario.yaml").write_text(scenario(text) if scenario is not None else text)
    record["scenario_sha256"] = RunDirectory(folder).require_scenario().sha256()
    if run is not None:
        run(record)
    _write(folder / "run.json", record)
    facts = json.loads((DATA / "environment.json").read_bytes())
    if environment is not None:
        environment(facts)
    _write(folder / "environment.json", facts)
    (folder / "requirements.lock").write_bytes((DATA / "requirements.lock").read_bytes())
    (folder / "worker.log").write_text((DATA / "worker.log").read_text() + log)
    (folder / "run.lock").touch()
    lines = (DATA / "events.jsonl").read_text().splitlines()
    if more_events is not None:
        lines = lines[:-1] + [json.dumps({"seq": 100 + index, **one}) for index, one in enumerate(more_events)]
    (folder / "events.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "arrays" / "images.npy").write_bytes(shipped_pixels(folder))
    if finished:
        found = json.loads((DATA / "result.json").read_bytes())
        found["run"] = record["id"]
        found["seed"] = record["seed"]
        if result is not None:
            result(found)
        left_out = {"run.lock", "result.json", "stop"}
        files = sorted(path for path in folder.rglob("*") if path.is_file() and path.name not in left_out)
        found["files"] = {str(path.relative_to(folder)): sha256(path) for path in files}
        _write(folder / "result.json", found)
    return RunView(RunDirectory(folder))


def shipped_pixels(folder: Path) -> bytes:
    """arrays/images.npy as a real run writes it."""
    scenario = RunDirectory(folder).require_scenario()
    return scenario_images.load(IMAGES, scenario.images, scenario.model.classes).npy()


def validated(loss: float, accuracy: float) -> Change:
    """A change of a result that gives it validation figures."""
    return lambda result: result["measurements"].update(validation={"loss": loss, "accuracy": accuracy})


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _write(path: Path, data: Any) -> None:
    path.write_text(json.dumps(data, indent=1) + "\n")
