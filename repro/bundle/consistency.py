"""Whether a finished run's result follows from its measurements, its scenario and its files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from repro.base import arrays
from repro.base.errors import InputError, printable
from repro.bundle.manifest import Manifest, RunEntry
from repro.bundle.read import bad
from repro.runs import layout
from repro.runs.records import ImageRecord, Measurements, Result
from repro.runs.verdict import decide_all, verdict
from repro.runs.view import Evidence
from repro.scenario.types import Scenario


def check_result(
    path: Path, run: Evidence, result: Result, scenario: Scenario, entry: RunEntry, manifest: Manifest
) -> None:
    """Refuse a result that contradicts what lies beside it."""
    name = f"runs/{entry.id}"
    record = run.record
    if (result.run, result.scenario, result.environment, result.seed) != (
        record.id,
        record.scenario,
        record.environment,
        record.seed,
    ):
        bad(path, f"{name}: result.json belongs to another run")
    if entry.state != "finished" or result.state != "finished":
        bad(path, f"{name}: result.json of a run that is not finished")
    measurements = run.measurements
    probabilities = measurements.get("predict", {}).get("probabilities", [])
    if any(len(row) != scenario.model.classes for row in probabilities) or (
        probabilities and len(probabilities) != len(record.images)
    ):
        bad(path, f"{name}: its predictions do not fit its scenario")
    _check_log(path, name, run, scenario)
    try:
        claims = decide_all(scenario, measurements, record.environment)
    except (TypeError, ValueError, OverflowError, AttributeError, IndexError):
        bad(path, f"{name}: its measurements cannot be read")
    said = [(claim.id, claim.outcome, claim.measured) for claim in result.claims]
    if said != [(claim.id, claim.outcome, claim.measured) for claim in claims]:
        bad(path, f"{name}: its claims do not follow from its measurements")
    if result.verdict != verdict(claims) or result.verdict != entry.verdict:
        bad(path, f"{name}: its verdict {printable(str(result.verdict), 40)} does not follow from its measurements")
    _check_hashes(path, name, result, manifest)
    _check_images(path, name, run, layout.IMAGES, run.record.images)
    _check_images(path, name, run, layout.VALIDATION_IMAGES, run.record.validation_images)


def _check_log(path: Path, name: str, run: Evidence, scenario: Scenario) -> None:
    """The result has every figure of its own log, and as it is there; others only where a later version adds some."""
    logged = run.progress.measurements(scenario.fit.epochs, run.labels)
    found, said = dict(_figures(logged)), dict(_figures(run.measurements))
    wrong = [key for key in found if key not in said or not _equal(found[key], said[key])]
    wrong += [key for key in said if key.partition(".")[0] not in logged]
    if wrong:
        bad(path, f"{name}: {wrong[0]} is not what its events.jsonl says")


def _figures(measurements: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """All that this version knows, by the names that claims use."""
    for group in Measurements.__struct_fields__:
        found = measurements.get(group)
        if isinstance(found, dict):
            yield from ((f"{group}.{key}", value) for key, value in found.items())
        elif found is not None:
            yield group, found


def _equal(left: Any, right: Any) -> bool:
    """Equal numbers, or lists of them; the text of one that is not finite is equal to itself."""
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def _check_hashes(path: Path, name: str, result: Result, manifest: Manifest) -> None:
    """What the run itself said of its files, against the stored ones (the originals, where something was replaced)."""
    stored = {entry.path: entry.original_sha256 or entry.sha256 for entry in manifest.files}
    left_out = {entry.path: entry.sha256 for entry in manifest.left_out}
    for file, sha256 in result.files.items():
        found = stored.get(f"{name}/{file}") or left_out.get(f"{name}/{file}")
        if found is not None and found != sha256:
            bad(path, f"{name}/{printable(file, 80)} is not the file that the run wrote")


def _check_images(path: Path, name: str, run: Evidence, file_name: str, records: list[ImageRecord]) -> None:
    file = run.run.file(file_name)
    if not file.exists():
        return
    import hashlib

    try:
        pixels = arrays.read_pixels(file)
    except InputError:
        bad(path, f"{name}/{file_name} is damaged")
    if len(pixels) != len(records) or any(
        hashlib.sha256(image.tobytes()).hexdigest() != record.pixels_sha256
        for image, record in zip(pixels, records, strict=True)
    ):
        bad(path, f"{name}/{file_name} does not hold the images of the run")
