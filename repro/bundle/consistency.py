"""Whether a run in a bundle is consistent: its result, its entry in the manifest, its files and its images."""

from __future__ import annotations

import hashlib
from pathlib import Path

from repro.base import arrays
from repro.base.errors import InputError
from repro.base.text import one_line
from repro.bundle.manifest import Manifest, RunEntry
from repro.bundle.refusal import bad
from repro.runs import layout
from repro.runs.records import Result
from repro.runs.result_check import contradiction
from repro.runs.view import RunView
from repro.scenario.image_record import ImageRecord
from repro.scenario.script_types import AnyScenario


def check_result(
    path: Path, run: RunView, result: Result, scenario: AnyScenario, entry: RunEntry, manifest: Manifest
) -> None:
    """Refuse a result that contradicts the files beside it."""
    name = f"runs/{entry.id}"
    if entry.state != "finished":
        bad(path, f"{name}: result.json of a run that is not finished")
    if fault := contradiction(run, result, scenario):
        bad(path, f"{name}: {fault}")
    if result.verdict != entry.verdict:
        verdict = one_line(result.verdict, 40)
        bad(path, f"{name}: its verdict {verdict} does not follow from its measurements")
    check_hashes(path, name, result, manifest)
    _check_images(path, name, run, layout.IMAGES, run.record.images)
    _check_images(path, name, run, layout.VALIDATION_IMAGES, run.record.validation_images)


def check_hashes(path: Path, name: str, result: Result, manifest: Manifest) -> None:
    """Compare the hashes that the run recorded with those stored (of the originals, if something was replaced)."""
    stored = {entry.path: entry.original_sha256 or entry.sha256 for entry in manifest.files}
    left_out = {entry.path: entry.sha256 for entry in manifest.left_out}
    for file, sha256 in result.files.items():
        listed = stored.get(f"{name}/{file}") or left_out.get(f"{name}/{file}")
        if listed is not None and listed != sha256:
            bad(path, f"{name}/{one_line(file, 80)} is not the file that the run wrote")


def _check_images(path: Path, name: str, run: RunView, file_name: str, records: list[ImageRecord]) -> None:
    file = run.run.file(file_name)
    if not file.exists():
        return
    try:
        pixels = arrays.read_pixels(file)
    except InputError:
        bad(path, f"{name}/{file_name} is damaged")
    if len(pixels) != len(records) or any(
        hashlib.sha256(image.tobytes()).hexdigest() != record.pixels_sha256
        for image, record in zip(pixels, records, strict=True)
    ):
        bad(path, f"{name}/{file_name} does not hold the images of the run")
