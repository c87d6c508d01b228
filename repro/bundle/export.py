"""Writes runs with their evidence into one zip: redacted, scanned, the same bytes each time."""

from __future__ import annotations

import contextlib
import errno
import glob
import hashlib
import io
import os
import re
import secrets
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from repro import __version__
from repro.base import scratch, shipped
from repro.base.errors import InputError, UnusableError
from repro.base.text import one_line
from repro.bundle import manifest as m
from repro.bundle import redact
from repro.environment.definition import shipped_environments
from repro.environment.record import RECORDED_VARIABLES
from repro.runs.directory import RunDirectory
from repro.runs.view import RunView
from repro.scenario import load as scenario_load

EXPORTED_STATES = ("finished", "failed", "stopped", "interrupted")
_TEXT_FILES = ("scenario.yaml", "worker.log", "requirements.lock", "model.py")
_STATISTICS = re.compile(r"^arrays/(moving|batch)-statistics-(\d+)\.npy$")
_NUMBER = re.compile(r"^\d{1,5}$")
_UNKNOWN = "not a file of a report"
_DATE = (1980, 1, 1, 0, 0, 0)
_PACKAGE = Path(__file__).resolve().parent.parent
# Options of ours that may stay in a recorded command; values stay where they are words or numbers of ours.
_OPTION = re.compile(r"^--?[a-z][a-z-]*$")
_PLAIN_VALUE = re.compile(r"^\d{1,10}([,:]\d{1,10})*$|^\d?\.\d{1,6}$|^<[a-z]+-\d{1,5}>$")


@dataclass
class Contents:
    """What a bundle will hold."""

    files: dict[str, bytes] = field(default_factory=dict)
    manifest: m.Manifest | None = None

    @property
    def total_bytes(self) -> int:
        return sum(len(data) for data in self.files.values())


def collect(runs: Sequence[RunView], *, images: bool = True, own_images: bool = False) -> Contents:
    """Everything that goes into the bundle, redacted and scanned; nothing is written but a temporary folder.

    `images`: shipped images go in. `own_images`: the user's own go in too, as decoded arrays.
    """
    gathered = [_gather(run, images=images, own_images=own_images) for run in _each_once(runs)]
    redactor = _redactor(gathered)
    stored: dict[str, bytes] = {}
    originals: dict[str, str] = {}
    for run in gathered:
        for name in sorted(run.files):
            path = f"runs/{run.evidence.id}/{name}"
            raw = run.files[name]
            cleaned = _redacted(redactor, name, path, raw, run)
            stored[path] = cleaned
            if cleaned != raw:
                originals[path] = hashlib.sha256(raw).hexdigest()
    with scratch.folder("export") as folder:
        contents = _with_reports(folder, gathered, stored)
    files = [
        m.FileEntry(name, len(data), hashlib.sha256(data).hexdigest(), originals.get(name))
        for name, data in sorted(contents.items())
    ]
    manifest = m.Manifest(
        format=m.FORMAT,
        program=f"repro {__version__}",
        runs=[_run_entry(run, stored) for run in gathered],
        files=files,
        left_out=sorted((left for run in gathered for left in run.left_out), key=lambda left: left.path),
        replaced=[m.Replaced(one.file, one.alias, one.kind, one.count) for one in redactor.replaced],
    )
    contents[m.NAME] = msgspec.json.format(msgspec.json.encode(manifest), indent=1) + b"\n"
    for name, data in sorted(contents.items()):
        _refuse_leak(redactor, name, data)
    for run in gathered:
        _refuse_changed(run)
    return Contents(contents, manifest)


def write(contents: Contents, target: Path) -> str:
    """Write the zip to `target`, which must not exist, whole or not at all; its SHA-256."""
    data = zipped(contents.files)
    if len(data) > m.MAX_ARCHIVE_BYTES or not _is_readable(contents):
        raise InputError("the bundle would be larger than a reader accepts", do="export fewer runs", file=target)
    _write_new(target, data)
    return hashlib.sha256(data).hexdigest()


def _is_readable(contents: Contents) -> bool:
    """Whether a reader takes it: as much as it allows of everything, and no more runs."""
    held = m.Held()
    for name, content in contents.files.items():
        held.add(name, content)
    manifest = contents.files[m.NAME]
    try:
        msgspec.json.decode(manifest, type=m.Manifest)
    except msgspec.ValidationError:
        return False
    return (
        held.fault is None
        and contents.total_bytes <= m.MAX_TOTAL_BYTES
        and len(contents.files) <= m.MAX_ENTRIES
        and len(manifest) <= m.MAX_MANIFEST_BYTES
    )


def zipped(files: dict[str, bytes]) -> bytes:
    """The zip as bytes: fixed order, dates and modes."""
    first = [name for name in ("README.md", "report.html", m.NAME) if name in files]
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in [*first, *sorted(files.keys() - set(first))]:
            info = zipfile.ZipInfo(name, _DATE)
            info.create_system = 3
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name], compresslevel=6)
    return stream.getvalue()


def refuse_existing(target: Path) -> None:
    """InputError where the bundle could not be put, before any work."""
    if target.exists() or target.is_symlink():
        raise InputError("is there already", do="name another file, or remove it first", file=target)
    if not target.name.endswith(".zip"):
        raise InputError("does not end in .zip", do="name the bundle FILE.zip", file=target)
    if not target.parent.is_dir():
        raise InputError("there is no such folder", do="make it first", file=target.parent)


def _write_new(target: Path, data: bytes) -> None:
    refuse_existing(target)
    stem = f".{target.name[:100]}."
    temporary = target.with_name(f"{stem}{secrets.token_hex(4)}.part")
    try:
        for left in target.parent.glob(f"{glob.escape(stem)}????????.part"):  # by an export that was killed
            left.unlink(missing_ok=True)
        with temporary.open("xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _rename_new(temporary, target)
    except FileExistsError:
        raise InputError("is there already", do="name another file, or remove it first", file=target) from None
    except OSError as error:
        do = "free some space" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "name another folder"
        raise UnusableError(f"cannot be written ({error.strerror})", do=do, file=target) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _rename_new(temporary: Path, target: Path) -> None:
    """Give `temporary` its name, never over another file; file systems without hard links get a plain rename."""
    try:
        target.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:
        if target.exists():
            raise FileExistsError from None
        temporary.rename(target)


# --- gathering ---


@dataclass
class _Gathered:
    """One run's files as they are, and what of it stays here."""

    evidence: RunView
    files: dict[str, bytes]
    left_out: list[m.LeftOut]
    with_images: bool

    @property
    def own_images(self) -> bool:
        return not self.evidence.record.shipped_images


def _each_once(runs: Sequence[RunView]) -> list[RunView]:
    return list({run.id: run for run in runs}.values())


def _gather(run: RunView, *, images: bool, own_images: bool) -> _Gathered:
    record = run.run.named_record()
    if run.state not in EXPORTED_STATES:
        raise InputError(f"the run {run.id} is {run.state}", do="export it when it has ended")
    with_images = images and (record.shipped_images or own_images)
    last = _last_statistics(run.run)
    files: dict[str, bytes] = {}
    left_out: list[m.LeftOut] = []
    for path in sorted(path for path in run.run.path.rglob("*") if path.is_file() and not path.is_symlink()):
        name = path.relative_to(run.run.path).as_posix()
        reason = _why_left_out(name, last, with_images)
        if reason is None:
            files[name] = _read(path)
        elif reason:
            # a name that we did not give may tell something
            known = reason != _UNKNOWN
            left_out.append(_left_out(run, path, name if known else f"other-{len(left_out)}", reason))
    return _Gathered(run, files, left_out, with_images)


def _why_left_out(name: str, last: str, with_images: bool) -> str | None:
    """None: goes in. An empty reason: of no interest to anybody."""
    if name in ("run.json", "result.json", "events.jsonl", *_TEXT_FILES) or re.match(
        r"^environment(-\d+)?\.json$", name
    ):
        return None
    if name in ("arrays/images.npy", "arrays/validation.npy"):
        return None if with_images else "images stay here"
    if statistics := _STATISTICS.match(name):
        return None if statistics[2] == last else "statistics of an earlier epoch"
    if re.match(r"^weights/[\w-]+\.npz$", name):
        return "weights"
    if re.match(r"^(trace|arrays)/[\w-]+(/[\w-]+)?\.(npy|npz|bin|f32|json|jsonl)$", name):
        return "arrays of the run that a report does not need"
    if name in ("run.lock", "stop") or name.startswith("worker-home/"):
        return ""
    return _UNKNOWN


def _last_statistics(run: RunDirectory) -> str:
    found = [path.stem.rpartition("-")[2] for path in run.file("arrays").glob("*-statistics-*.npy")]
    return max(found, default="")


def _left_out(run: RunView, path: Path, name: str, reason: str) -> m.LeftOut:
    from repro.base.files import sha256

    # A finished run has hashed its files; snapshots of weights are too large to do that again for nothing.
    known = run.result.files.get(path.relative_to(run.run.path).as_posix()) if run.result is not None else None
    return m.LeftOut(f"runs/{run.id}/{one_line(name, 200)}", path.stat().st_size, known or sha256(path), reason)


def _read(path: Path) -> bytes:
    if path.stat().st_size > 64 * 1024 * 1024:
        raise InputError("larger than 64 MiB", do="this run cannot be exported", file=path)
    return path.read_bytes()


def _run_entry(run: _Gathered, stored: dict[str, bytes]) -> m.RunEntry:
    from repro.base import yaml_file
    from repro.scenario.types import Scenario

    record = run.evidence.record
    text = stored[f"runs/{record.id}/scenario.yaml"].decode()
    scenario = yaml_file.Document("scenario.yaml", text).convert(Scenario)
    return m.RunEntry(
        id=record.id,
        scenario=record.scenario,
        scenario_sha256=scenario.sha256(),
        environment=record.environment,
        seed=record.seed,
        state=run.evidence.state,  # type: ignore[arg-type]  # _gather let only these through
        verdict=run.evidence.verdict,  # type: ignore[arg-type]  # the record's own type
        images="included" if run.with_images else "hashes",
    )


# --- privacy ---


def _redactor(gathered: Sequence[_Gathered]) -> redact.Redactor:
    redactor = redact.Redactor(redact.known_here(allowed=RECORDED_VARIABLES), public=public_text(gathered))
    for run in gathered:
        if run.own_images:
            record = run.evidence.record
            for image in (*record.images, *record.validation_images):
                for name in _telling_names(image.name):
                    redactor.learn(redact.Known("name", name))
            with contextlib.suppress(InputError):
                images = run.evidence.run.require_scenario().images
                redactor.learn(redact.Known("name", images.directory))
                if images.validation is not None and images.validation.directory is not None:
                    redactor.learn(redact.Known("name", images.validation.directory))
        for argument in _private_arguments(run.evidence.record.command):
            kind = "path" if argument.startswith("/") else "name"
            redactor.learn(redact.Known(kind, argument.rstrip("/")))
    for run in gathered:
        for name, raw in sorted(run.files.items()):
            if name.endswith((".json", ".jsonl")) or name in _TEXT_FILES:
                redactor.learn_from(raw.decode("utf-8", errors="replace").replace("\\\\", "\\"))
            if name.endswith(".json"):
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    redactor.learn_fields(msgspec.json.decode(raw))
    return redactor


def _telling_names(name: str) -> list[str]:
    """What of an image's name may tell something: all of it, its class's folder, the file with and without suffix.

    A plain number tells nothing, and `14.png` would be found in the name of one of our own pictures.
    """
    path = Path(name)
    names = [name, *path.parts[:-1]]
    return names if _NUMBER.match(path.stem) and len(path.parts) > 1 else [*names, path.name, path.stem]


def public_text(gathered: Sequence[_Gathered] = ()) -> str:
    """What everybody has: our sources, the shipped scenarios and environments, and the locks of the runs."""
    files = [
        *sorted(_PACKAGE.rglob("*.py")),
        *sorted(_PACKAGE.rglob("*.j2")),
        *scenario_load.shipped_files(),
        *sorted(shipped.folder("environments").glob("*/*")),
    ]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
    texts += [run.files.get("requirements.lock", b"").decode("utf-8", errors="replace") for run in gathered]
    return "\n".join(texts)


def _private_arguments(command: Sequence[str]) -> list[str]:
    return [value for word in command for value in _split_option(word)[1:] if not _is_public_argument(value)]


def _split_option(word: str) -> tuple[str, ...]:
    """("--images", "/x") for --images=/x; ("--images",) for an option alone; ("", "/x") for a value."""
    if word.startswith("-"):
        name, equals, value = word.partition("=")
        if _OPTION.match(name):
            return (name, value) if equals else (name,)
    return ("", word)


def _is_public_argument(value: str) -> bool:
    words = {
        "repro",
        "auto",
        "cpu",
        "gpu",
        "L",
        "all",
        *scenario_load.shipped_names(),
        *shipped_environments(),
        *_commands(),
    }
    return all(part in words or bool(_PLAIN_VALUE.match(part)) for part in value.split(",")) or not value


def _commands() -> list[str]:
    from repro.cli import COMMANDS

    return list(COMMANDS)


def _redacted(redactor: redact.Redactor, name: str, path: str, raw: bytes, run: _Gathered) -> bytes:
    if name == "run.json":
        return redactor.json(_without_own_names(raw, run), path)
    if re.match(r"^environment(-\d+)?\.json$", name):
        return redactor.json(_allowed_variables(raw, path), path)
    if name.endswith(".json"):
        return redactor.json(raw, path)
    if name.endswith(".jsonl"):
        # a torn last line is the end for every reader
        return redactor.json_lines(raw[: raw.rfind(b"\n") + 1], path)
    if name == "requirements.lock" or (name == "scenario.yaml" and _is_shipped(run.evidence)):
        return raw
    if name in _TEXT_FILES:
        return redactor.plain(raw, path)
    return raw


def _is_shipped(run: RunView) -> bool:
    """Whether the run's scenario.yaml is, byte for byte, one that comes with the package."""
    raw = run.run.file("scenario.yaml").read_bytes()
    return any(raw == file.read_bytes() for file in scenario_load.shipped_files())


def _without_own_names(raw: bytes, run: _Gathered) -> bytes:
    """run.json with neither the names of the user's images nor the private arguments of its command."""
    data = msgspec.json.decode(raw)
    changed = False
    if run.own_images:
        for index, image in enumerate(data["images"]):
            image["name"] = f"image-{index}"
        for index, image in enumerate(data.get("validation_images", [])):
            image["name"] = f"validation-{index}"
        changed = True
    command = [_public_command(word, position) for position, word in enumerate(data["command"])]
    if command != data["command"]:
        data["command"] = command
        changed = True
    return msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n" if changed else raw


def _public_command(word: str, position: int) -> str:
    name, *value = _split_option(word)
    if not value or _is_public_argument(value[0]):
        return word
    return f"{name}{'=' if name else ''}<argument-{position}>"


def _allowed_variables(raw: bytes, path: str) -> bytes:
    """environment.json with no variable that is not on the list."""
    try:
        data: Any = msgspec.json.decode(raw)
        variables = data["facts"].get("variables")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
        raise InputError("damaged", do="delete the run", file=path) from None
    if not isinstance(variables, dict) or all(name in RECORDED_VARIABLES for name in variables):
        return raw
    data["facts"]["variables"] = {name: value for name, value in variables.items() if name in RECORDED_VARIABLES}
    return msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n"


def _refuse_leak(redactor: redact.Redactor, name: str, data: bytes) -> None:
    is_text = not name.endswith((".npy", ".png"))
    kind = redactor.leaks(name, data, is_text=is_text)
    if kind is not None:
        raise InputError(
            f"{one_line(name, 200)} would still hold what must not leave (kind: {kind})",
            do="nothing was written; rename the scenario or images that hold it, or report this",
        )


def _refuse_changed(run: _Gathered) -> None:
    """InputError where a file is not the one that the finished run hashed: verify would refuse the bundle."""
    result = run.evidence.result
    for name, data in run.files.items():
        known = result.files.get(name) if result is not None else None
        if known is not None and hashlib.sha256(data).hexdigest() != known:
            do = "export the run where it was made, or pass on the bundle that it is from"
            raise InputError("is not as the run left it (another hash)", do=do, file=f"{run.evidence.id}/{name}")


# --- reports ---


def _with_reports(folder: Path, gathered: Sequence[_Gathered], stored: dict[str, bytes]) -> dict[str, bytes]:
    """The stored files with pictures, README.md and report.html, which are made from the redacted files only."""
    from repro.bundle import report

    for name, data in stored.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    runs = [RunView(RunDirectory(folder / "runs" / run.evidence.id)) for run in gathered]
    pages = report.make(runs)
    return {**stored, **pages.files}
