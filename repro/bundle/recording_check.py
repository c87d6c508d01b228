"""Whether a recording in a bundle is one, whole, and says nothing that its own figures contradict."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import numpy as np

from repro.base import arrays
from repro.base.errors import InputError
from repro.base.text import one_line
from repro.bundle import diagnosis_file
from repro.bundle.consistency import check_hashes
from repro.bundle.manifest import FileEntry, Manifest, RunEntry
from repro.bundle.refusal import bad
from repro.explain.data_figures import classes_of
from repro.runs import layout
from repro.runs.ids import RECORDED
from repro.runs.recorded_events import Measured, TrialMade
from repro.runs.recorded_files import MAX_ARRAYS, MAX_BYTES, holds_samples, most_bytes, packages_of
from repro.runs.recorded_record import RECORDING_FORMAT, Recorded
from repro.runs.result_check import recording_contradiction
from repro.runs.view import RunView

# What is in a bundle beside the files of a recording.
_ADDED = {layout.RESULT: 64 * 1024 * 1024, diagnosis_file.NAME: diagnosis_file.MAX_BYTES}
ROUND_OFF = 1e-6


def check_recording(path: Path, run: RunView, entry: RunEntry, manifest: Manifest) -> None:
    """Refuse a recording that has a file too many, or says what its own files contradict."""
    name = f"runs/{entry.id}"
    record = run.record
    if not isinstance(record.recorded, Recorded) or record.environment != RECORDED or record.seed != 0:
        bad(path, f"{name}/run.json says neither that it is a recording nor that it is a run of a scenario")
    if record.recorded.format > RECORDING_FORMAT:
        bad(
            path,
            f"{name} is recorded in format {record.recorded.format}",
            f"update repro: this one reads {RECORDING_FORMAT}",
        )
    if entry.scenario_sha256 != record.scenario_sha256:
        bad(path, f"{name}/run.json names another program than the manifest")
    files = {file.path.removeprefix(f"{name}/"): file for file in manifest.files if file.path.startswith(f"{name}/")}
    _check_files(path, name, files)
    _check_program(path, name, record.recorded, files, entry)
    lock = run.run.file(layout.PACKAGE_LOCK)
    if lock.is_file():
        raw = lock.read_bytes()
        if hashlib.sha256(raw).hexdigest() != record.lock_sha256:
            bad(path, f"{name}/{layout.PACKAGE_LOCK} is not the list of packages that was recorded")
        if packages_of(raw.decode()) is None:
            bad(path, f"{name}/{layout.PACKAGE_LOCK} has a line that is no NAME==VERSION")
    _ = run.environment
    if run.progress.started is None:
        bad(path, f"{name}/events.jsonl holds no events")
    _check_end(path, name, run, entry)
    if run.result is not None:
        if fault := recording_contradiction(run, run.result):
            bad(path, f"{name}: {fault}")
        check_hashes(path, name, run.result, manifest)
        known = {*run.result.files, *_ADDED}
        if extra := sorted(files.keys() - known):
            bad(path, f"{name}/{extra[0]} is not a file that the recording had when it ended")
        left_out = {one.path.removeprefix(f"{name}/") for one in manifest.left_out}
        if missing := sorted(run.result.files.keys() - files.keys() - left_out):
            bad(path, f"{name}/{one_line(missing[0], 80)} is missing")
    for file in files:
        if file.endswith(".npy"):
            arrays.read(run.run.file(file))
    if wrong := _wrong_share(run):
        bad(path, f"{name}: {wrong}")
    _check_diagnosis(path, name, run)


def _check_files(path: Path, name: str, files: dict[str, FileEntry]) -> None:
    """Refuse a file that no recording has, or that is too large."""
    total = 0
    for file, entry in files.items():
        limit = most_bytes(file) or _ADDED.get(file)
        if limit is None:
            bad(path, f"{name}/{file} does not belong to a recording")
        total += entry.bytes
        if entry.bytes > limit or total > MAX_BYTES:
            bad(path, f"{name}/{file} is larger than a recording's may be")
    if sum(file.endswith(".npy") for file in files) > MAX_ARRAYS:
        bad(path, f"{name} has more than {MAX_ARRAYS} arrays")


def _check_program(path: Path, name: str, record: Recorded, files: dict[str, FileEntry], entry: RunEntry) -> None:
    """Refuse a program that is not the one that was recorded, and a manifest that says otherwise of what is inside."""
    script = files.get(layout.SCRIPT)
    if script is not None and (script.original_sha256 or script.sha256) != record.script_sha256:
        bad(path, f"{name}/{layout.SCRIPT} is not the program that was recorded")
    inside = ("hash" if script is None else "included", "included" if any(map(holds_samples, files)) else "facts")
    if (entry.script, entry.data) != inside:
        bad(
            path, f"the manifest says that of {name} the program is {entry.script}, the data {entry.data}: it is not so"
        )


def _check_end(path: Path, name: str, run: RunView, entry: RunEntry) -> None:
    ended = run.progress.ended
    if run.result is not None:
        if entry.state != "finished" or run.result.verdict != entry.verdict:
            bad(path, f"{name}/result.json and the manifest do not agree")
    elif entry.state == "finished":
        bad(path, f"{name}/result.json is missing")
    elif (ended is None and entry.state != "interrupted") or (ended is not None and ended.state != entry.state):
        bad(path, f"{name}/events.jsonl does not say that the program {entry.state}")


def _wrong_share(run: RunView) -> str | None:
    """Return which share of right answers the answers themselves contradict; None if none does."""
    recording = run.progress.recorded
    fit = recording.fit if recording is not None else None
    if fit is None:
        return None
    found: list[Measured | TrialMade] = [*fit.measured, *fit.trials]
    for event in found:
        measured = event if isinstance(event, Measured) else fit.figures("inference", event.set_, call=event.call)
        if event.right is None or event.outputs is None or measured is None or measured.labels is None:
            continue
        share = _share_right(run, event.outputs, measured.labels)
        if share is not None and not abs(share - float(event.right)) <= ROUND_OFF:
            return f"{event.outputs} is right on {share:.6g} of its samples, not on {event.right}"
    return None


def _share_right(run: RunView, name: str, labels: list[int]) -> float | None:
    """Return the share of answers that are the label; None if the answers are not inside, not finite or no classes."""
    file = run.run.file(name)
    if not file.is_file():
        return None
    outputs = arrays.read(file)
    if outputs.dtype.kind not in "fiub" or not np.isfinite(outputs).all():
        return None
    classes = classes_of(outputs)
    if classes is None or len(classes) != len(labels) or not labels:
        return None
    return float(np.mean(classes == np.array(labels)))


def _check_diagnosis(path: Path, name: str, run: RunView) -> None:
    try:
        stated = diagnosis_file.read(run.run)
        if stated is None:
            bad(path, f"{name}/{diagnosis_file.NAME} is missing")
        diagnosis_file.follows(run.run, stated)
    except InputError as error:
        if error.file == path:
            raise
        bad(path, f"{name}/{diagnosis_file.NAME}: {error.what}")
    except msgspec.ValidationError as error:
        bad(path, f"{name}/{diagnosis_file.NAME} is damaged ({one_line(error, 200)})")
