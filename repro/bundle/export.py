"""Writes runs with their evidence into one zip: redacted, scanned, the same bytes each time."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from repro import __version__
from repro.base import scratch
from repro.base.decoding import decode_json
from repro.base.errors import InputError
from repro.base.text import one_line
from repro.base.yaml_file import Document
from repro.bundle import diagnosis_file, report
from repro.bundle import manifest as m
from repro.bundle.archive import write_new, zipped
from repro.bundle.recording_files import is_program_text
from repro.bundle.redact.leaks import LeakScanner
from repro.bundle.redact.redactor import Redactor
from repro.bundle.redact.run import redacted, redactor_for
from repro.bundle.run_files import Choice, RunFiles, gather, refuse_changed
from repro.explain.diagnosis import diagnose
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.recorded_files import holds_samples
from repro.runs.view import RunView
from repro.scenario.script_types import ScriptScenario
from repro.scenario.types import Scenario, canonical_sha256

_FRONT = ("README.md", "report.html", m.NAME)


@dataclass
class Contents:
    """What a bundle will hold."""

    files: dict[str, bytes] = field(default_factory=dict)
    manifest: m.Manifest | None = None
    # What was asked for and is not there, and what says less than the run itself.
    notes: list[str] = field(default_factory=list)

    @property
    def total_bytes(self) -> int:
        """Size of all files, unpacked."""
        return sum(len(data) for data in self.files.values())

    def zipped(self) -> bytes:
        """Return the bundle's bytes, with what a reader opens first in front."""
        return zipped(self.files, _FRONT)


def collect(
    runs: Sequence[RunView], *, images: bool = True, own_images: bool = False, script: bool = False, data: bool = False
) -> Contents:
    """Return everything that goes into the bundle, redacted and scanned; only a temporary folder is written.

    The options are those of `run_files.Choice`.
    """
    distinct = {view.id: view for view in runs}.values()
    choice = Choice(images, own_images, script, data)
    gathered = [gather(view, choice) for view in distinct]
    redactor = redactor_for(gathered)
    stored = _stored(redactor, gathered)
    originals = {f"runs/{run.view.id}/{name}": data for run in gathered for name, data in run.files.items()}
    with scratch.folder("export") as folder:
        files = _with_reports(folder, gathered, stored)
    manifest = m.Manifest(
        # Only a bundle with programs is one that earlier versions cannot read.
        format=m.FORMAT if any(run.view.record.is_recording for run in gathered) else 1,
        program=f"repro {__version__}",
        runs=[_run_entry(run, stored) for run in gathered],
        files=[_file_entry(name, data, originals.get(name, data)) for name, data in sorted(files.items())],
        left_out=sorted((entry for run in gathered for entry in run.left_out), key=lambda entry: entry.path),
        replaced=[m.Replaced(use.file, use.alias, use.kind, use.count) for use in redactor.replacements],
    )
    files[m.NAME] = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    _refuse_leaks(redactor, files)
    for run in gathered:
        refuse_changed(run)
    return Contents(files, manifest, _notes(gathered, files, choice))


@contextlib.contextmanager
def redacted_copy(view: RunView) -> Iterator[RunView]:
    """Yield a run as a bundle would hold it, for texts that are made from it; InputError if something would leak."""
    gathered = [gather(view, Choice())]
    redactor = redactor_for(gathered)
    stored = _stored(redactor, gathered)
    _refuse_leaks(redactor, stored)
    with scratch.folder("redacted") as folder:
        _unpack(folder, stored)
        yield RunView(RunDirectory(folder / "runs" / view.id))


def _stored(redactor: Redactor, gathered: Sequence[RunFiles]) -> dict[str, bytes]:
    """Return the files of runs as a bundle holds them, by their path in it."""
    stored = {}
    for run in gathered:
        for name in sorted(run.files):
            path = f"runs/{run.view.id}/{name}"
            stored[path] = redacted(redactor, run, name, path)
    return stored


def _unpack(folder: Path, stored: dict[str, bytes]) -> None:
    for name, data in stored.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _file_entry(name: str, data: bytes, original: bytes) -> m.FileEntry:
    return m.FileEntry(name, len(data), _sha256(data), None if original == data else _sha256(original))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(contents: Contents, target: Path) -> str:
    """Write the zip to `target`, which must not exist, whole or not at all; return its SHA-256."""
    data = contents.zipped()
    if len(data) > m.MAX_ARCHIVE_BYTES or not _is_readable(contents):
        raise InputError("the bundle would be larger than a reader accepts", do="export fewer runs", file=target)
    write_new(target, data)
    return _sha256(data)


def _is_readable(contents: Contents) -> bool:
    """Return whether a bundle stays within every limit of the reader."""
    budget = m.DecodeBudget()
    for name, content in contents.files.items():
        budget.add(name, content)
    manifest = contents.files[m.NAME]
    try:
        decode_json(manifest, m.Manifest)
    except msgspec.ValidationError:
        return False
    return (
        budget.fault is None
        and contents.total_bytes <= m.MAX_TOTAL_BYTES
        and len(contents.files) <= m.MAX_ENTRIES
        and len(manifest) <= m.MAX_MANIFEST_BYTES
    )


def _notes(gathered: Sequence[RunFiles], files: dict[str, bytes], choice: Choice) -> list[str]:
    """Return a line for each thing that a recording cannot give, or that it says less of in a bundle."""
    notes = []
    for run in gathered:
        if not run.is_recording:
            continue
        if choice.script and layout.SCRIPT not in run.files:
            notes.append(f"{run.view.id}: its program is not in the store; only the hash goes in")
        if choice.data and not any(map(holds_samples, run.files)):
            notes.append(f"{run.view.id}: it kept no samples (repro record --with-data keeps them)")
        there = msgspec.json.decode(files[f"runs/{run.view.id}/{diagnosis_file.NAME}"])["diagnosis"]
        here = diagnose(run.view.run)[0].cause
        if there != here:
            notes.append(f"{run.view.id}: without what stays here the diagnosis is {there}, not {here}")
    return notes


def _run_entry(run: RunFiles, stored: dict[str, bytes]) -> m.RunEntry:
    record = run.view.record
    if run.is_recording:
        return m.RunEntry(
            id=record.id,
            scenario=record.scenario,
            scenario_sha256=record.scenario_sha256,
            environment=record.environment,
            seed=record.seed,
            state=run.view.state,  # type: ignore[arg-type]  # gather let only these through
            verdict=run.view.verdict,  # type: ignore[arg-type]  # the record's own type
            images="hashes",
            script="included" if layout.SCRIPT in run.files else "hash",
            data="included" if any(map(holds_samples, run.files)) else "facts",
        )
    text = stored[f"runs/{record.id}/{layout.SCENARIO}"].decode()
    kind: type[ScriptScenario] | type[Scenario] = ScriptScenario if run.view.is_program else Scenario
    return m.RunEntry(
        id=record.id,
        scenario=record.scenario,
        scenario_sha256=canonical_sha256(Document(layout.SCENARIO, text).convert(kind)),
        environment=record.environment,
        seed=record.seed,
        state=run.view.state,  # type: ignore[arg-type]  # gather let only these through
        verdict=run.view.verdict,  # type: ignore[arg-type]  # the record's own type
        images="included" if run.with_images and not run.view.is_program else "hashes",
        script=("included" if any(map(is_program_text, run.files)) else "hash") if run.view.is_program else None,
        data=("included" if _has_data(run) else "facts") if run.view.is_program else None,
    )


def _has_data(run: RunFiles) -> bool:
    """Return whether samples, or data of a program, are among the files."""
    of_program = (name for name in run.files if name.startswith(f"{layout.PROGRAM}/") and not is_program_text(name))
    return any(map(holds_samples, run.files)) or any(of_program)


def _refuse_leaks(redactor: Redactor, files: dict[str, bytes]) -> None:
    scanner = LeakScanner(redactor.vocabulary)
    for name, data in sorted(files.items()):
        kind = scanner.find(name, data, is_text=not name.endswith((".npy", ".png")))
        if kind is not None:
            raise InputError(
                f"{one_line(name)} would still hold what must not leave (kind: {kind})",
                do="nothing was written; rename the scenario or images that hold it, or report this",
            )


def _with_reports(folder: Path, gathered: Sequence[RunFiles], stored: dict[str, bytes]) -> dict[str, bytes]:
    """Return the stored files with pictures, README.md and report.html, which are made from redacted files only."""
    _unpack(folder, stored)
    views = [RunView(RunDirectory(folder / "runs" / run.view.id)) for run in gathered]
    diagnoses = {
        f"runs/{view.id}/{diagnosis_file.NAME}": diagnosis_file.write(diagnose(view.run))
        for view in views
        if view.is_recording
    }
    return {**stored, **diagnoses, **report.make(views).files}
