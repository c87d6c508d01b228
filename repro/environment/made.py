"""Environments made on demand: their folders in `.made`, and which requirement list each answers."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import shutil
from datetime import date
from typing import Literal

import msgspec
import yaml
from packaging.version import Version

from repro.base.decoding import convert, decode_json
from repro.base.errors import InputError
from repro.base.files import write_durably
from repro.base.text import one_line
from repro.environment.definition import (
    BUILD_LOCK,
    MADE,
    NAMES,
    Ability,
    Definition,
    Environment,
    EnvironmentName,
    find,
    installations_folder,
    installations_folders,
    made_environments,
    shipped_environments,
)
from repro.environment.requirement_list import TENSORFLOW, RequirementList
from repro.environment.resolve import Resolution, lock_text
from repro.environment.use import written_to

LISTS = "lists"
NEVER_TRIED = "it was not tried yet"
Adapter = Literal["keras-3", "tf-keras", "keras-2"]
# Of these the lock is not compared with a shipped one's: installers of different age bring others.
TOOLS = {"pip", "setuptools", "wheel"}


class _Answer(msgspec.Struct, frozen=True):
    """.made/lists/HASH.json: the environment that a requirement list was resolved to."""

    format: int
    requirements: list[str]
    python: str | None
    as_of: date | None
    environment: str


def answer_to(wanted: RequirementList, python: str | None = None, as_of: date | None = None) -> Environment | None:
    """Return the environment that this list was resolved to here before; None if it never was."""
    name = _list_name(wanted, python, as_of)
    for folder in installations_folders():
        with contextlib.suppress(OSError, msgspec.DecodeError):
            answer = decode_json((folder / MADE / LISTS / name).read_bytes(), _Answer)
            environment = find(answer.environment)
            if environment is not None:
                return environment
    return None


def _list_name(wanted: RequirementList, python: str | None, as_of: date | None) -> str:
    words = [*wanted.key, f"python {python}", f"as of {as_of}"]
    return f"{hashlib.sha256(chr(10).join(words).encode()).hexdigest()[:32]}.json"


def keep(
    wanted: RequirementList, resolution: Resolution, python: str | None = None, as_of: date | None = None
) -> Environment:
    """Write what the environment of a resolution is and that it answers the list; a shipped one if it is the same."""
    environment = _shipped_twin(wanted, resolution) or _write(wanted, resolution)
    folder = installations_folder() / MADE / LISTS
    with written_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        answer = _Answer(1, wanted.texts, python, as_of, environment.name)
        write_durably(folder / _list_name(wanted, python, as_of), msgspec.json.encode(answer) + b"\n")
    return environment


def adapter_of(wanted: RequirementList, versions: dict[str, str]) -> Adapter:
    """Return the generation of Keras that these packages are, as the worker speaks it."""
    if "tf-keras" in wanted.packages and "keras" not in wanted.packages:
        return "tf-keras"
    keras = Version(versions.get("keras", "0"))
    if keras >= Version("3"):
        return "keras-3"
    return "keras-2" if Version("2") <= keras < Version("2.4") else "tf-keras"


def _shipped_twin(wanted: RequirementList, resolution: Resolution) -> Environment | None:
    pins = {name: version for name, version in resolution.versions.items() if name not in TOOLS}
    adapter = adapter_of(wanted, resolution.versions)
    for one in shipped_environments().values():
        locked = {name: version for name, version in one.locked_versions().items() if name not in TOOLS}
        if one.definition.adapter == adapter and one.definition.python == resolution.python and locked == pins:
            return one
    return None


def _write(wanted: RequirementList, resolution: Resolution) -> Environment:
    lock = lock_text(resolution.pins).encode()
    versions = resolution.versions
    adapter = adapter_of(wanted, versions)
    keras = "tf-keras" if adapter == "tf-keras" and "tf-keras" in versions else "keras"
    tensorflow = next((name for name in TENSORFLOW if name in versions), "tensorflow")
    parts = [f"{name}-{versions[name]}" for name in (keras, tensorflow) if name in versions]
    name = "-".join([*parts, hashlib.sha256(lock).hexdigest()[:6]]).lower().replace("+", "-")
    variables = {"KERAS_BACKEND": "tensorflow"}
    if keras == "tf-keras":
        variables["TF_USE_LEGACY_KERAS"] = "1"
    definition = Definition(
        format=1,
        name=name,
        python=resolution.python,
        adapter=adapter,
        installation=name,
        title=f"{', '.join(wanted.texts)}; what is not named is of {resolution.day}",
        lock="requirements.lock",
        variables=variables,
        requirements=wanted.texts,
        cannot_train=NEVER_TRIED,
    )
    known = find(name)
    if known is not None:
        return known
    folder = installations_folder() / MADE
    with written_to(folder):
        hidden = folder / f".new-{secrets.token_hex(4)}"
        hidden.mkdir(parents=True)
        (hidden / "requirements.lock").write_bytes(lock)
        if resolution.tools:
            (hidden / BUILD_LOCK).write_text(lock_text(resolution.tools), encoding="utf-8")
        (hidden / "environment.yaml").write_bytes(_yaml(definition))
        try:
            hidden.rename(folder / name)
        except OSError:  # another process was faster
            shutil.rmtree(hidden, ignore_errors=True)
    return Environment(definition, folder / name)


def _yaml(definition: Definition) -> bytes:
    data = msgspec.to_builtins(definition)
    return yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=1000).encode()


def tell_abilities(environment: Environment, abilities: list[Ability], cannot_train: str) -> Environment:
    """Write what the environment itself answered when it was asked; return it as it is then."""
    definition = msgspec.structs.replace(environment.definition, abilities=abilities, cannot_train=cannot_train)
    with written_to(environment.folder):
        write_durably(environment.folder / "environment.yaml", _yaml(definition))
    return Environment(definition, environment.folder)


def check_name(name: str) -> None:
    """InputError for a name that a user cannot give to an environment."""
    try:
        convert(name, EnvironmentName)
    except msgspec.ValidationError:
        what = f"{one_line(name, 60)!r} cannot be the name of an environment"
        raise InputError(what, do="use small letters and digits with single hyphens or dots between") from None
    if name in shipped_environments() or name in made_environments():
        raise InputError(f"{name} is the name of another environment", do="choose another name")


def call(environment: Environment, name: str) -> None:
    """Give an environment a user's name; the one that had it loses it."""
    folder = installations_folder() / MADE / NAMES
    with written_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / name, f"{environment.name}\n".encode())
