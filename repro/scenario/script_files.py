"""The program of a script scenario and its files: read beside the scenario, never run here."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from repro.base.errors import InputError
from repro.scenario.load import Loaded
from repro.scenario.script_record import MAX_FILES, ScriptFile, ScriptRecord
from repro.scenario.script_types import ScriptScenario

MAX_SCRIPT_BYTES = 1024 * 1024
MAX_FILE_BYTES = 256 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024


def read(loaded: Loaded) -> dict[str, bytes] | None:
    """Return the program and its files by their path in the scenario's folder; None for a scenario of images.

    InputError for one that is missing, too large, or leads out of the folder.
    """
    scenario = loaded.scenario
    if not isinstance(scenario, ScriptScenario):
        return None
    files: dict[str, bytes] = {}
    with loaded.faults_at("script", "file"):
        files[_plain(scenario.script.file)] = _read(
            loaded.file.parent, loaded.beside(scenario.script.file), MAX_SCRIPT_BYTES
        )
    total = 0
    for index, name in enumerate(scenario.script.files):
        with loaded.faults_at("script", "files", index):
            for path in _files(loaded.file.parent, loaded.beside(name)):
                data = _read(loaded.file.parent, path, MAX_FILE_BYTES)
                total += len(data)
                files[path.relative_to(loaded.file.parent).as_posix()] = data
                if total > MAX_TOTAL_BYTES or len(files) > MAX_FILES:
                    what = f"more than {MAX_TOTAL_BYTES >> 20} MiB or {MAX_FILES:,} files"
                    raise InputError(what, do="name fewer files", file=loaded.beside(name))
    return files


def record(scenario: ScriptScenario, seed: int, files: Mapping[str, bytes]) -> ScriptRecord:
    """Return what run.json keeps of a program."""
    return ScriptRecord(
        file=_plain(scenario.script.file),
        arguments=scenario.arguments(seed),
        files=[ScriptFile(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in sorted(files.items())],
    )


def _plain(name: str) -> str:
    """Return a path as the names of the files have it: without `./` and double slashes."""
    return Path(name).as_posix()


def _files(folder: Path, path: Path) -> Iterator[Path]:
    """Yield a file itself, or all files of a folder in a fixed order; hidden ones and links are passed over."""
    _require_inside(folder, path)
    if not path.is_dir():
        yield path
        return
    for place, folders, names in os.walk(path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            file = Path(place) / name
            if not name.startswith(".") and not file.is_symlink():
                yield file


def _require_inside(folder: Path, path: Path) -> None:
    try:
        is_inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        is_inside = False
    if not is_inside:
        raise InputError("leads out of the scenario's folder", do="put the file itself there", file=path)


def _read(folder: Path, path: Path, most_bytes: int) -> bytes:
    _require_inside(folder, path)
    try:
        if not path.is_file():
            what = "is not a regular file" if path.exists() else "there is no such file"
            raise InputError(what, do="put the file there, or correct its name", file=path)
        with path.open("rb") as stream:
            data = stream.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", do="check its permissions", file=path) from None
    if len(data) > most_bytes:
        raise InputError(f"larger than {most_bytes >> 20} MiB", do="take less data", file=path)
    return data
