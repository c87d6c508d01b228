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
from repro.bundle.recording_files import is_program_text
from repro.bundle.redact.command_line import private_arguments, public_word
from repro.bundle.redact.private import Kind, PrivateText, private_texts_here
from repro.bundle.redact.recording import private_names, renamed
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
        for text in [*_texts_of_images(run), *_texts_of_command(run), *_texts_of_data(run)]:
            vocabulary.add(text)
    for run in runs:
        for name, raw in sorted(run.files.items()):
            if name.endswith((".json", ".jsonl")) or name in TEXT_FILES or is_program_text(name):
                vocabulary.add_home_users(raw.decode("utf-8", errors="replace").replace("\\\\", "\\"))
            if name.endswith(".json"):
                with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                    vocabulary.add_fields(msgspec.json.decode(raw))
    return redactor


def redacted(redactor: Redactor, run: RunFiles, name: str, path: str) -> bytes:
    """Return the file `name` of a run as the bundle holds it under `path`; InputError if it is damaged."""
    raw = run.files[name]
    if name == layout.RECORD:
        return redactor.json(_without_own_names(redactor, raw, run, path), path)
    if ENVIRONMENT_FILE.match(name):
        return redactor.json(_allowed_variables(raw, path), path)
    if name.endswith(".json"):
        return redactor.json(raw, path)
    if name.endswith(".jsonl"):
        # A torn last line is the end for every reader.
        return redactor.json_lines(_without_data_names(redactor, raw[: raw.rfind(b"\n") + 1], run, path), path)
    if name == layout.PACKAGE_LOCK or (name == layout.SCENARIO and _is_shipped(run.view)):
        return raw
    if name in TEXT_FILES or is_program_text(name):
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
    command = run.view.record.command
    words = [*command, *run.view.recorded.arguments] if run.is_recording else command
    return [
        PrivateText("path" if argument.startswith("/") else "name", argument.rstrip("/"))
        for argument in private_arguments(words, _own_words(run))
    ]


def _own_words(run: RunFiles) -> frozenset[str]:
    """Return the words of a command that a bundle tells anyway: a recording is called as its script is."""
    script = run.view.recorded.script if run.is_recording else None
    return frozenset() if script is None else frozenset({script})


def _texts_of_data(run: RunFiles) -> list[PrivateText]:
    return [PrivateText(kind, name) for name, kind in _data_names(run).items()]


def _data_names(run: RunFiles) -> dict[str, Kind]:
    """Return the names of a recording's inputs, columns and labels, but for those that its own script tells."""
    if not run.view.record.is_recording:
        return {}
    sources = [data for name, data in run.files.items() if name == layout.SCRIPT or is_program_text(name)]
    script = b"\n".join(sources).decode("utf-8", errors="replace")
    names = private_names(run.files.get(layout.EVENTS, b""))
    return {name: kind for name, kind in names.items() if name not in script}


# --- what a file may say ---


def _is_shipped(view: RunView) -> bool:
    """Return whether the run's scenario.yaml is, byte for byte, one that comes with the package."""
    raw = view.run.file(layout.SCENARIO).read_bytes()
    return any(raw == file.read_bytes() for file in load.shipped_files())


def _without_own_names(redactor: Redactor, raw: bytes, run: RunFiles, path: str) -> bytes:
    """Return run.json with neither the names of the user's images nor the private arguments of its command."""
    data = msgspec.json.decode(raw)
    own_words = _own_words(run)
    command = [public_word(word, position, own_words) for position, word in enumerate(data["command"])]
    redactor.count_arguments(data["command"], command, path)
    is_changed = command != data["command"] or run.has_own_images
    data["command"] = command
    if run.is_recording:
        arguments = data["recorded"]["arguments"]
        # They are the last words of a command line that names the script itself.
        first = max(0, len(command) - len(arguments))
        public = [public_word(word, first + place, own_words) for place, word in enumerate(arguments)]
        redactor.count_arguments(arguments, public, path)
        is_changed = is_changed or public != arguments
        data["recorded"]["arguments"] = public
    if not is_changed:
        return raw
    if run.has_own_images:
        for index, image in enumerate(data["images"]):
            image["name"] = f"image-{index}"
        for index, image in enumerate(data.get("validation_images", [])):
            image["name"] = f"validation-{index}"
    return msgspec.json.format(msgspec.json.encode(data), indent=1) + b"\n"


def _without_data_names(redactor: Redactor, raw: bytes, run: RunFiles, path: str) -> bytes:
    """Return the events of a recording with aliases for the names of its inputs, columns and labels."""
    names = _data_names(run)
    if not names:
        return raw
    try:
        return renamed(raw, names, lambda kind, name: redactor.alias(kind, name, path))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError("damaged (a line is not JSON)", do="delete the run", file=path) from None


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
