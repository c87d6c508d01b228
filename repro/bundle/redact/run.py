"""Redacts the files of runs: what their records tell about the user, and what each kind of file may say."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from repro.base import shipped
from repro.base.errors import InputError
from repro.bundle.redact.command_line import private_arguments, public_word
from repro.bundle.redact.private import PrivateText, private_texts_here
from repro.bundle.redact.redactor import Redactor
from repro.bundle.run_files import ENVIRONMENT_FILE, TEXT_FILES, RunFiles
from repro.environment.record import RECORDED_VARIABLES
from repro.runs import layout
from repro.runs.view import RunView
from repro.scenario import load

_NUMBER = re.compile(r"^\d{1,5}$")


def redactor_for(runs: Sequence[RunFiles]) -> Redactor:
    """Return a redactor that has learned from this machine and from all records of `runs`."""
    redactor = Redactor(private_texts_here(allowed=RECORDED_VARIABLES), public=_public_text(runs))
    vocabulary = redactor.vocabulary
    for run in runs:
        for text in [*_texts_of_images(run), *_texts_of_command(run)]:
            vocabulary.add(text)
    for run in runs:
        for name, raw in sorted(run.files.items()):
            if name.endswith((".json", ".jsonl")) or name in TEXT_FILES:
                vocabulary.add_home_users(raw.decode("utf-8", errors="replace").replace("\\\\", "\\"))
            if name.endswith(".json"):
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    vocabulary.add_fields(msgspec.json.decode(raw))
    return redactor


def redacted(redactor: Redactor, run: RunFiles, name: str, path: str) -> bytes:
    """Return the file `name` of a run as the bundle holds it under `path`; InputError if it is damaged."""
    raw = run.files[name]
    if name == layout.RECORD:
        return redactor.json(_without_own_names(raw, run), path)
    if ENVIRONMENT_FILE.match(name):
        return redactor.json(_allowed_variables(raw, path), path)
    if name.endswith(".json"):
        return redactor.json(raw, path)
    if name.endswith(".jsonl"):
        # A torn last line is the end for every reader.
        return redactor.json_lines(raw[: raw.rfind(b"\n") + 1], path)
    if name == layout.PACKAGE_LOCK or (name == layout.SCENARIO and _is_shipped(run.view)):
        return raw
    if name in TEXT_FILES:
        return redactor.plain_text(raw, path)
    return raw


def _public_text(runs: Sequence[RunFiles] = ()) -> str:
    """Return what everybody has: our sources, the shipped scenarios and environments, and the locks of the runs."""
    files = [
        *sorted(shipped.PACKAGE.rglob("*.py")),
        *sorted(shipped.PACKAGE.rglob("*.j2")),
        *load.shipped_files(),
        *sorted(shipped.folder("environments").glob("*/*")),
    ]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
    texts += [run.files.get(layout.PACKAGE_LOCK, b"").decode("utf-8", errors="replace") for run in runs]
    return "\n".join(texts)


# --- what a run's records tell ---


def _texts_of_images(run: RunFiles) -> list[PrivateText]:
    """Return the names of the user's own images and their folders."""
    if not run.has_own_images:
        return []
    record = run.view.record
    names = [name for image in (*record.images, *record.validation_images) for name in _telling_names(image.name)]
    with contextlib.suppress(InputError):
        images = run.view.run.require_scenario().images
        names.append(images.directory)
        if images.validation is not None and images.validation.directory is not None:
            names.append(images.validation.directory)
    return [PrivateText("name", name) for name in names]


def _telling_names(name: str) -> list[str]:
    """Return what of an image's name can tell something: all of it, its folders, the file with and without suffix.

    A plain number tells nothing, and `14.png` would be found in the name of one of our own pictures.
    """
    path = Path(name)
    names = [name, *path.parts[:-1]]
    return names if _NUMBER.match(path.stem) and len(path.parts) > 1 else [*names, path.name, path.stem]


def _texts_of_command(run: RunFiles) -> list[PrivateText]:
    return [
        PrivateText("path" if argument.startswith("/") else "name", argument.rstrip("/"))
        for argument in private_arguments(run.view.record.command)
    ]


# --- what a file may say ---


def _is_shipped(view: RunView) -> bool:
    """Return whether the run's scenario.yaml is, byte for byte, one that comes with the package."""
    raw = view.run.file(layout.SCENARIO).read_bytes()
    return any(raw == file.read_bytes() for file in load.shipped_files())


def _without_own_names(raw: bytes, run: RunFiles) -> bytes:
    """Return run.json with neither the names of the user's images nor the private arguments of its command."""
    data = msgspec.json.decode(raw)
    command = [public_word(word, position) for position, word in enumerate(data["command"])]
    if command == data["command"] and not run.has_own_images:
        return raw
    data["command"] = command
    if run.has_own_images:
        for index, image in enumerate(data["images"]):
            image["name"] = f"image-{index}"
        for index, image in enumerate(data.get("validation_images", [])):
            image["name"] = f"validation-{index}"
    return msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n"


def _allowed_variables(raw: bytes, path: str) -> bytes:
    """Return environment.json without the variables that are not on the list; InputError if it is damaged."""
    try:
        data: Any = msgspec.json.decode(raw)
        variables = data["facts"].get("variables")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, KeyError, TypeError, AttributeError):
        raise InputError("damaged", do="delete the run", file=path) from None
    if not isinstance(variables, dict) or all(name in RECORDED_VARIABLES for name in variables):
        return raw
    data["facts"]["variables"] = {name: value for name, value in variables.items() if name in RECORDED_VARIABLES}
    return msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n"
