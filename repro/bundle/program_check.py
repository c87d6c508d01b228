"""Whether the run of a script scenario in a bundle is consistent: its program, its arguments, its arrays."""

from __future__ import annotations

from pathlib import Path

from msgspec import UNSET

from repro.base import arrays
from repro.base.errors import InputError
from repro.bundle.manifest import Manifest, RunEntry
from repro.bundle.recording_files import is_program_text
from repro.bundle.refusal import bad
from repro.runs import layout
from repro.runs.recorded_files import MAX_ARRAYS, MAX_BYTES, most_bytes
from repro.runs.view import RunView
from repro.scenario.script_types import ScriptScenario


def check_program(path: Path, run: RunView, scenario: ScriptScenario, entry: RunEntry, manifest: Manifest) -> None:
    """Refuse a program that is not the one that was run, and arrays that are too large or damaged."""
    name, record = f"runs/{entry.id}", run.record.script
    if record is UNSET:
        bad(path, f"{name}/run.json says nothing of the program that its scenario runs")
    if record.file != Path(scenario.script.file).as_posix():
        bad(path, f"{name}/run.json names another program than its scenario")
    known = {file.name: file.sha256 for file in record.files}
    prefix = f"{name}/{layout.PROGRAM}/"
    inside = [file for file in manifest.files if file.path.startswith(prefix)]
    for file in inside:
        if known.get(file.path.removeprefix(prefix)) != (file.original_sha256 or file.sha256):
            bad(path, f"{file.path} is not of the program that was run")
    has_text = any(is_program_text(file.path.removeprefix(f"{name}/")) for file in inside)
    if entry.script != ("included" if has_text else "hash"):
        bad(path, f"the manifest says that the program of {name} is {entry.script}: it is not so")
    _check_arrays(path, run, name, manifest)


def _check_arrays(path: Path, run: RunView, name: str, manifest: Manifest) -> None:
    listed = [file for file in manifest.files if file.path.startswith(f"{name}/{layout.ARRAYS}/")]
    if len(listed) > MAX_ARRAYS or sum(file.bytes for file in listed) > MAX_BYTES:
        bad(path, f"{name} has more arrays than a recording may have")
    for file in listed:
        inner = file.path.removeprefix(f"{name}/")
        limit = most_bytes(inner)
        if limit is None or file.bytes > limit:
            bad(path, f"{file.path} does not belong to the run of a program")
        try:
            arrays.read(run.run.file(inner))
        except InputError:
            bad(path, f"{file.path} is damaged")
