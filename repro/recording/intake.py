"""Takes recordings from elsewhere into the store; nothing in them is believed before it was checked."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from repro.base import arrays, scratch
from repro.base.errors import InputError, ReproError, UnusableError
from repro.base.files import is_locked, sync_folder
from repro.base.text import one_line
from repro.bundle import diagnosis_file, manifest
from repro.bundle import read as bundle_read
from repro.recording.closing import close
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.ids import RECORDED
from repro.runs.recorded_files import MAX_ARRAYS, MAX_BYTES, REQUIRED, most_bytes
from repro.runs.recorded_record import RECORDING_FORMAT, Recorded
from repro.runs.records import State
from repro.runs.store import Store, store_remedy
from repro.runs.view import read_environment

FOLDER = "repro-recordings"
MAX_RECORDINGS = 1000
# A result and a diagnosis are made again, whoever made one before.
PASSED_OVER = frozenset({layout.LOCK, layout.RESULT, layout.STOP_REQUEST, diagnosis_file.NAME})

_ID = re.compile(r"^\d{8}T\d{6}\.\d{6}Z-[a-z0-9.-]{1,120}-recorded-s0-[a-z0-9]{4}\Z")


@dataclass(frozen=True)
class TakenIn:
    """A recording of the store; `is_new` False: it was there before."""

    run: RunDirectory
    state: State
    is_new: bool


def take_in(source: Path, store: Store) -> list[TakenIn]:
    """Copy the recordings of a folder, a zip or a bundle into the store and close them.

    All are checked before the first one is copied. InputError says what is wrong with which file.
    """
    with _folder_of(source) as folder:
        paths = _recordings(folder, source)
        for path in paths:
            if path.parent.absolute() != store.path.absolute():
                check(path)
        store.check_writable()
        return [_take_in_one(path, store) for path in paths]


def _take_in_one(path: Path, store: Store) -> TakenIn:
    run = RunDirectory(store.path / path.name)
    is_new = not run.path.exists()
    if is_new:
        _copy(path, store)
    return TakenIn(run, close(run), is_new)


@contextlib.contextmanager
def _folder_of(source: Path) -> Iterator[Path]:
    """Yield the folder that `source` is, or into which it is unpacked for as long as the context lasts."""
    if "\0" in str(source):
        raise InputError("not a file name", do="name a folder or a zip", file=one_line(str(source)))
    try:
        mode = source.stat().st_mode
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="name a folder or a zip", file=source) from None
    if stat.S_ISDIR(mode):
        yield source
    elif not stat.S_ISREG(mode):
        raise InputError("is neither a folder nor a file", do="name a folder or a zip", file=source)
    else:
        with scratch.folder("import") as folder:
            _unpack(source, folder)
            yield folder


def _unpack(source: Path, folder: Path) -> None:
    """Unpack what belongs to recordings: `ID/...` or `repro-recordings/ID/...`; of a bundle `runs/ID/...`.

    Runs of scenarios, which a bundle may hold beside recordings, are passed over.
    """
    with (
        source.open("rb") as stream,
        bundle_read.checked_archive(source, stream, with_folders=True) as (archive, members),
    ):
        total = 0
        of_scenarios = {name.rpartition("/")[0] for name in members if name.endswith(f"/{layout.SCENARIO}")}
        for name, member in members.items():
            parts = name.split("/")
            if "/".join(parts[:2]) in of_scenarios and manifest.NAME in members:
                continue
            if parts[0] in (FOLDER, "runs"):
                parts = parts[1:]
            if len(parts) < 2 or "/".join(parts[1:]) in PASSED_OVER:
                continue
            total += member.file_size
            if total > MAX_BYTES:
                raise InputError(
                    f"unpacks to more than {MAX_BYTES >> 20} MiB", do="import fewer at a time", file=source
                )
            target = folder.joinpath(*parts)
            target.parent.mkdir(parents=True, exist_ok=True)
            _extract(archive, member, target)


def _extract(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    remaining = member.file_size
    with archive.open(member) as stream, target.open("xb") as sink:
        while block := stream.read(1 << 18):
            remaining -= len(block)
            if remaining < 0:
                raise zipfile.BadZipFile(f"{member.filename} is longer than it says")
            sink.write(block)


def _recordings(folder: Path, source: Path) -> list[Path]:
    """Return the folder itself if it is a recording, else those in it."""
    nothing = InputError("holds no recordings", do=f"name the folder {FOLDER}, or one recording in it", file=source)
    for candidate in (folder, folder / FOLDER):
        if (candidate / layout.RECORD).is_file():
            return [candidate]
        try:
            names = sorted(entry.name for entry in candidate.iterdir())
        except OSError:
            raise nothing from None
        if len(names) > MAX_RECORDINGS:
            what = f"holds more than {MAX_RECORDINGS} entries"
            raise InputError(what, do="import the recordings one by one", file=source)
        if paths := [candidate / name for name in names if (candidate / name / layout.RECORD).is_file()]:
            return paths
        if not (candidate / FOLDER).is_dir():
            break
    raise nothing


def check(path: Path) -> None:
    """Refuse a recording with a name, link, size, record or event that must not be: InputError."""
    _require_recording(path)
    total = 0
    for name, size in list(_files(path)):
        total += size
        if total > MAX_BYTES:
            raise InputError(f"larger than {MAX_BYTES >> 20} MiB", do="ask for a smaller recording", file=path)
        if name.endswith(".npy"):
            arrays.read(path / name)
    run = RunDirectory(path)
    read_environment(run)
    progress = run.progress()
    if progress.started is None:
        raise InputError("holds no events", do="ask for the recording again", file=path / layout.EVENTS)
    progress.measurements()


def _require_recording(path: Path) -> Recorded:
    if path.is_symlink():
        raise InputError("is a link", do="name the folder that it leads to", file=path)
    for name in REQUIRED:
        if not (path / name).is_file():
            raise InputError(f"has no {name}", do="name a folder that a recorder wrote", file=path)
    record = RunDirectory(path).named_record()
    if record.environment != RECORDED or not isinstance(record.recorded, Recorded):
        raise InputError("is not a recording", do="use `repro verify` for a bundle of other runs", file=path)
    if record.recorded.format > RECORDING_FORMAT:
        what = f"recorded in format {record.recorded.format}"
        raise InputError(what, do=f"update repro: this one reads {RECORDING_FORMAT}", file=path)
    if not _ID.match(record.id):
        raise InputError(f"{one_line(record.id, 80)!r} is not a run's id", do="ask for it again", file=path)
    return record.recorded


def _files(path: Path) -> Iterator[tuple[str, int]]:
    """Yield name and size of each file that is taken in; InputError for anything that has no business here."""
    if is_locked(path / layout.LOCK):
        raise InputError("is still being recorded", do="import it when its program has ended", file=path)
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name in PASSED_OVER:
                continue
            if entry.name == "arrays" and entry.is_dir(follow_symlinks=False):
                yield from _arrays(path, entry.path)
            else:
                yield entry.name, _size(path, entry.name, entry)


def _arrays(path: Path, folder: str) -> Iterator[tuple[str, int]]:
    with os.scandir(folder) as entries:
        for count, entry in enumerate(entries, 1):
            name = f"arrays/{entry.name}"
            if count > MAX_ARRAYS:
                raise _does_not_belong(path, name)
            yield name, _size(path, name, entry)


def _does_not_belong(path: Path, name: str) -> InputError:
    return InputError(f"{one_line(name, 80)} does not belong to a recording", do="take it out", file=path)


def _size(path: Path, name: str, entry: os.DirEntry[str]) -> int:
    limit = most_bytes(name)
    if limit is None:
        raise _does_not_belong(path, name)
    status = entry.stat(follow_symlinks=False)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{name} is not a regular file", do="ask for the recording again", file=path)
    if status.st_size > limit:
        raise InputError(f"{name} is larger than {limit >> 20} MiB", do="ask for the recording again", file=path)
    return status.st_size


def _copy(path: Path, store: Store) -> None:
    """Copy a checked recording into the store, where it appears whole or not at all."""
    hidden = store.path / f".new-{path.name}"
    try:
        (hidden / "arrays").mkdir(parents=True)
        with (hidden / layout.LOCK).open("wb"):
            pass
        with RunDirectory(hidden).acquire():
            for name, _ in _files(path):
                shutil.copyfile(path / name, hidden / name, follow_symlinks=False)
            hidden.rename(store.path / path.name)
            sync_folder(store.path)
    except BaseException as error:
        shutil.rmtree(hidden, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, ReproError):
            raise UnusableError(
                f"the recording cannot be written ({error.strerror})", do=store_remedy(error), file=store.path
            ) from None
        raise
