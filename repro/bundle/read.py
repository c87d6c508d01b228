"""Opens an untrusted bundle: every limit, name, hash and record is checked before it is used."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import msgspec

from repro.base import scratch
from repro.base.decoding import decode_json
from repro.base.errors import InputError
from repro.base.text import one_line
from repro.bundle.consistency import check_result
from repro.bundle.manifest import (
    FORMAT,
    MAX_ARCHIVE_BYTES,
    MAX_ENTRIES,
    MAX_MANIFEST_BYTES,
    MAX_TOTAL_BYTES,
    NAME,
    DecodeBudget,
    FileEntry,
    Manifest,
    RunEntry,
)
from repro.bundle.refusal import ASK_AGAIN, bad
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.ids import RECORDED
from repro.runs.view import RunView
from repro.scenario.script_types import ScriptScenario
from repro.scenario.types import Scenario

_PART = re.compile(r"^[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,199}\Z")
_RESERVED = re.compile(r"(?i)^(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
_END = struct.Struct("<4s4H2LH")
_ZIP64_LOCATOR = struct.Struct("<4sLQL")


@dataclass(frozen=True)
class Bundle:
    """A checked bundle, unpacked into `folder` for as long as it is open."""

    path: Path
    folder: Path
    manifest: Manifest
    runs: list[RunView]


class _Head(msgspec.Struct):
    format: int


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Bundle]:
    """Unpack the bundle `path` into a temporary folder that is removed at the end; InputError if it is bad."""
    with scratch.folder("bundle") as folder, _stream(path) as stream:
        manifest = _unpack(path, stream, folder)
        runs = []
        for entry in manifest.runs:
            run = RunView(RunDirectory(folder / "runs" / entry.id))
            try:
                _check_run(path, run, entry, manifest)
            except InputError as error:
                if error.file == path:
                    raise
                where = f"runs/{entry.id}"
                if error.file is not None:
                    where = str(error.file).replace(str(folder) + os.sep, "")
                bad(path, f"{where}: {error.what}")
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, OverflowError, ValueError) as error:
                bad(path, f"runs/{entry.id} is damaged ({one_line(error)})")
            runs.append(run)
        yield Bundle(path, folder, manifest, runs)


@contextlib.contextmanager
def _stream(path: Path) -> Iterator[IO[bytes]]:
    if "\0" in str(path):
        raise InputError("not a file name", do="name a bundle", file=one_line(path))
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="name a bundle", file=path) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        bad(path, "is not a regular file", "name a bundle")
    with os.fdopen(descriptor, "rb") as stream:
        yield stream


def _unpack(path: Path, stream: IO[bytes], folder: Path) -> Manifest:
    with checked_archive(path, stream) as (archive, members):
        manifest = _read_manifest(path, archive, members)
        _check_manifest(path, manifest, members)
        hashes = {entry.path: entry for entry in manifest.files}
        budget = DecodeBudget()
        for name, member in members.items():
            if name != NAME:
                _unpack_member(path, archive, member, hashes[name], folder / name, budget)
    return manifest


@contextlib.contextmanager
def checked_archive(
    path: Path, stream: IO[bytes], *, with_folders: bool = False
) -> Iterator[tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]]:
    """Open an untrusted zip; yield it and its entries by name after checking every limit and name.

    `path` is its name in messages. Damage found while it is read is an InputError too.
    """
    _check_end(path, stream)
    try:
        with zipfile.ZipFile(stream) as archive:
            yield archive, _check_members(path, archive, with_folders=with_folders)
    except UnicodeDecodeError:
        bad(path, "damaged (a name is not text)")
    except OverflowError:
        bad(path, "damaged (a number is too large)")
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        struct.error,
        ValueError,
    ) as error:
        bad(path, f"damaged ({error})")


def _check_end(path: Path, stream: IO[bytes]) -> None:
    """Check the size and the number of entries before the list of entries is read into memory."""
    size = stream.seek(0, os.SEEK_END)
    if size > MAX_ARCHIVE_BYTES:
        bad(path, f"larger than {MAX_ARCHIVE_BYTES >> 20} MiB", "a bundle is small")
    stream.seek(max(0, size - _END.size - 65535 - _ZIP64_LOCATOR.size))
    tail = stream.read()
    end_start = tail.rfind(b"PK\x05\x06")
    if end_start < 0 or len(tail) - end_start < _END.size:
        bad(path, "not a zip file, or cut off")
    _, disk, first_disk, disk_entries, entries, list_bytes, list_offset, _ = _END.unpack_from(tail, end_start)
    if disk or first_disk or disk_entries != entries:
        bad(path, "a zip file in several parts")
    # zipfile would believe the record that it leads to, and not this one.
    if tail[max(0, end_start - _ZIP64_LOCATOR.size) : end_start].startswith(b"PK\x06\x07"):
        bad(path, "a zip64 file", "a bundle is small")
    if entries == 0xFFFF or list_bytes == 0xFFFFFFFF or list_offset == 0xFFFFFFFF or entries > MAX_ENTRIES:
        bad(path, f"more than {MAX_ENTRIES} entries", "a bundle is small")
    if list_bytes > 4 * 1024 * 1024:
        bad(path, "its list of entries is too long", "a bundle is small")


def _check_members(path: Path, archive: zipfile.ZipFile, *, with_folders: bool) -> dict[str, zipfile.ZipInfo]:
    """Return files by name: plain ones with plain names, each once, and not too much in all.

    `with_folders`: entries of folders, as `zip -r` writes them, are passed over instead of refused.
    """
    members: dict[str, zipfile.ZipInfo] = {}
    folded: set[str] = set()
    total = 0
    for member in archive.infolist():
        name = member.orig_filename
        if len(members) >= MAX_ENTRIES:
            bad(path, f"more than {MAX_ENTRIES} entries", "a bundle is small")
        if with_folders and name.endswith("/") and member.file_size == 0:
            check_name(path, name[:-1])
            continue
        check_name(path, name)
        if member.filename != name:
            bad(path, f"the name {one_line(name, 80)!r} is not plain")
        if name.lower() in folded:
            bad(path, f"{name} stands twice")
        mode = member.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            bad(path, f"{name} is not a regular file")
        if member.flag_bits & 0x1:
            bad(path, f"{name} is encrypted")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            bad(path, f"{name} is compressed in a way that is not allowed")
        if not 0 <= member.header_offset < MAX_ARCHIVE_BYTES:
            bad(path, f"damaged ({name} lies outside the file)")
        total += member.file_size
        if total > MAX_TOTAL_BYTES:
            bad(path, f"unpacks to more than {MAX_TOTAL_BYTES >> 20} MiB", "a bundle is small")
        members[name] = member
        folded.add(name.lower())
    parents = {"/".join(name.split("/")[:index]) for name in folded for index in range(1, name.count("/") + 1)}
    if clash := parents & folded:
        bad(path, f"{min(clash)} is both a file and a folder")
    return members


def check_name(path: Path, name: str) -> None:
    """Refuse a name that could lead out of the folder, or that a system could misread."""
    parts = name.split("/")
    if (
        len(name) > 400
        or len(parts) > 8
        or not all(_PART.match(part) and not part.endswith(".") and not _RESERVED.match(part) for part in parts)
    ):
        bad(path, f"the name {one_line(name, 80)!r} is not allowed")


def _read_manifest(path: Path, archive: zipfile.ZipFile, members: dict[str, zipfile.ZipInfo]) -> Manifest:
    member = members.get(NAME)
    if member is None:
        bad(path, f"has no {NAME}", "name a file that `repro export` wrote")
    if member.file_size > MAX_MANIFEST_BYTES:
        bad(path, f"{NAME} is larger than {MAX_MANIFEST_BYTES >> 20} MiB", "a bundle is small")
    raw = archive.read(member)
    try:
        format_number = decode_json(raw, _Head).format
        if format_number > FORMAT:
            bad(path, f"written in format {format_number}", f"update repro: this one reads {FORMAT}")
        return decode_json(raw, Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        bad(path, f"{NAME} is damaged ({one_line(error, 200)})")


def _check_manifest(path: Path, manifest: Manifest, members: dict[str, zipfile.ZipInfo]) -> None:
    listed: dict[str, FileEntry] = {}
    for entry in manifest.files:
        if entry.path in listed:
            bad(path, f"{NAME} lists {one_line(entry.path, 80)} twice")
        listed[entry.path] = entry
    for name in sorted(members.keys() - listed.keys() - {NAME}):
        bad(path, f"{name} is not in {NAME}")
    for name in sorted(listed.keys() - members.keys()):
        bad(path, f"{one_line(name, 80)} is missing")
    for name, entry in listed.items():
        if name == NAME or members[name].file_size != entry.bytes:
            bad(path, f"{name} has another size than {NAME} says")
    ids = [run.id for run in manifest.runs]
    if len(set(ids)) != len(ids):
        bad(path, "a run stands twice")
    for name in members:
        top, _, rest = name.partition("/")
        if top == "runs" and rest.partition("/")[0] not in ids:
            bad(path, f"{name} belongs to no run of the bundle")


def _unpack_member(
    path: Path,
    archive: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    entry: FileEntry,
    target: Path,
    budget: DecodeBudget,
) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    remaining_bytes = entry.bytes
    with archive.open(member) as source, target.open("xb") as sink:
        while block := source.read(1 << 18):
            remaining_bytes -= len(block)
            if remaining_bytes < 0:
                bad(path, f"{entry.path} is longer than {NAME} says")
            budget.add(entry.path, block)
            if budget.fault is not None:
                bad(path, budget.fault, "export fewer runs")
            digest.update(block)
            sink.write(block)
    if remaining_bytes or digest.hexdigest() != entry.sha256:
        bad(path, f"{entry.path} does not have the hash that {NAME} says")


def _check_run(path: Path, run: RunView, entry: RunEntry, manifest: Manifest) -> None:
    """Check that the run's records are whole and agree with each other."""
    record, result = run.record, run.result
    if record.id != entry.id:
        bad(path, f"runs/{entry.id} says that it is {one_line(record.id, 80)}")
    listed = (entry.scenario, entry.environment, entry.seed)
    if (record.scenario, record.environment, record.seed) != listed:
        bad(path, f"runs/{entry.id}/run.json and {NAME} do not agree")
    if run.is_recording or record.environment == RECORDED:
        from repro.bundle.recording_check import check_recording

        check_recording(path, run, entry, manifest)
        return
    scenario = run.run.require_any_scenario()
    stored = _entry(manifest, f"runs/{entry.id}/{layout.SCENARIO}")
    if scenario.sha256() != entry.scenario_sha256 or scenario.name != record.scenario:
        bad(path, f"runs/{entry.id}/scenario.yaml is not the scenario that was run")
    if stored.original_sha256 is None and scenario.sha256() != record.scenario_sha256:
        bad(path, f"runs/{entry.id}/scenario.yaml is not the scenario that was run")
    if isinstance(scenario, ScriptScenario):
        from repro.bundle.program_check import check_program

        check_program(path, run, scenario, entry, manifest)
    elif _has_other_images(run, scenario):
        bad(path, f"runs/{entry.id}/run.json has other images than its scenario asks for")
    _ = run.environment
    for file in sorted(run.run.path.glob(layout.LATER_ENVIRONMENTS)):
        msgspec.json.decode(file.read_bytes())
    progress = run.progress
    if result is None:
        if entry.state == "finished":
            bad(path, f"runs/{entry.id}/result.json is missing")
        if progress.ended is None and entry.state in ("failed", "stopped"):
            bad(path, f"runs/{entry.id}/events.jsonl does not say how the run ended")
        _ = run.measurements
        return
    check_result(path, run, result, scenario, entry, manifest)


def _has_other_images(run: RunView, scenario: Scenario) -> bool:
    classes = range(scenario.model.classes)
    images = run.record.images
    if scenario.images.layout == "file-per-class" and len(images) != len(classes):
        return True
    return any(image.label not in classes for image in (*images, *run.record.validation_images))


def _entry(manifest: Manifest, name: str) -> FileEntry:
    for entry in manifest.files:
        if entry.path == name:
            return entry
    raise InputError("is missing", do=ASK_AGAIN, file=name)
