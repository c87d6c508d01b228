"""Environments made on demand: their folders in `.made`, which requirement list each answers, size and last use."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Literal

import msgspec
import yaml
from packaging.version import Version

from repro.base.decoding import convert, decode_json
from repro.base.errors import InputError, UnusableError
from repro.base.files import write_durably
from repro.base.text import one_line
from repro.environment.definition import (
    BUILD_LOCK,
    MADE,
    MARKER,
    NAMES,
    Ability,
    Definition,
    Environment,
    EnvironmentName,
    find,
    get,
    installations_folder,
    installations_folders,
    made_environments,
    shipped_environments,
)
from repro.environment.requirement_list import TENSORFLOW, RequirementList, is_list, parse
from repro.environment.resolve import Resolution, lock_text

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


def answer_to(asked: RequirementList, python: str | None = None, as_of: date | None = None) -> Environment | None:
    """Return the environment that this list was resolved to here before; None if it never was."""
    name = _list_name(asked, python, as_of)
    for folder in installations_folders():
        with contextlib.suppress(OSError, msgspec.DecodeError):
            answer = decode_json((folder / MADE / LISTS / name).read_bytes(), _Answer)
            environment = find(answer.environment)
            if environment is not None:
                return environment
    return None


def named(name: str) -> Environment:
    """Return the environment of a name or of a requirement list that was made; UnusableError for one that was not."""
    if not is_list(name):
        return get(name)
    environment = answer_to(parse([name]))
    if environment is None:
        raise UnusableError(f"{name} was not made here yet", do=f"repro environment new '{name}'")
    return environment


def _list_name(asked: RequirementList, python: str | None, as_of: date | None) -> str:
    words = [*asked.key, f"python {python}", f"as of {as_of}"]
    return f"{hashlib.sha256(chr(10).join(words).encode()).hexdigest()[:32]}.json"


def keep(
    asked: RequirementList, resolution: Resolution, python: str | None = None, as_of: date | None = None
) -> Environment:
    """Write what the environment of a resolution is and that it answers the list; a shipped one if it is the same."""
    environment = _shipped_twin(asked, resolution) or _write(asked, resolution)
    folder = installations_folder() / MADE / LISTS
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        answer = _Answer(1, asked.texts, python, as_of, environment.name)
        write_durably(folder / _list_name(asked, python, as_of), msgspec.json.encode(answer) + b"\n")
    return environment


def adapter_of(asked: RequirementList, versions: dict[str, str]) -> Adapter:
    """Return the generation of Keras that these packages are, as the worker speaks it."""
    if "tf-keras" in asked.packages and "keras" not in asked.packages:
        return "tf-keras"
    keras = Version(versions.get("keras", "0"))
    if keras >= Version("3"):
        return "keras-3"
    return "keras-2" if Version("2") <= keras < Version("2.4") else "tf-keras"


def _shipped_twin(asked: RequirementList, resolution: Resolution) -> Environment | None:
    pins = {name: version for name, version in resolution.versions.items() if name not in TOOLS}
    adapter = adapter_of(asked, resolution.versions)
    for one in shipped_environments().values():
        locked = {name: version for name, version in one.locked_versions().items() if name not in TOOLS}
        if one.definition.adapter == adapter and one.definition.python == resolution.python and locked == pins:
            return one
    return None


def _write(asked: RequirementList, resolution: Resolution) -> Environment:
    lock = lock_text(resolution.pins).encode()
    versions = resolution.versions
    adapter = adapter_of(asked, versions)
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
        title=f"{', '.join(asked.texts)}; what is not named is of {resolution.day}",
        lock="requirements.lock",
        variables=variables,
        requirements=asked.texts,
        cannot_train=NEVER_TRIED,
    )
    known = find(name)
    if known is not None:
        return known
    folder = installations_folder() / MADE
    with _written(folder):
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
    with _written(environment.folder):
        write_durably(environment.folder / "environment.yaml", _yaml(definition))
    return Environment(definition, environment.folder)


def check_name(name: str) -> None:
    """InputError for a name that a user cannot give to an environment."""
    try:
        convert(name, EnvironmentName)
    except msgspec.ValidationError:
        what = f"{one_line(name, 60)!r} is no name for an environment"
        raise InputError(what, do="use small letters and digits with single hyphens or dots between") from None
    if name in shipped_environments() or name in made_environments():
        raise InputError(f"{name} is the name of another environment", do="choose another name")


def call(environment: Environment, name: str) -> None:
    """Give an environment a user's name; the one that had it loses it."""
    folder = installations_folder() / MADE / NAMES
    with _written(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_durably(folder / name, f"{environment.name}\n".encode())


@contextlib.contextmanager
def _written(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UnusableError(
            f"cannot be written ({error.strerror})", do="set REPRO_ENVIRONMENTS to another folder", file=folder
        ) from None


# -- use and removal


def hold(environment: Environment) -> IO[bytes] | None:
    """Keep the environment from being removed until the file is closed, and note its use; None if that cannot be."""
    prefix = environment.prefix
    try:
        stream = _use_file(prefix).open("ab")
    except OSError:
        return None  # read-only: nobody can remove it either
    with contextlib.suppress(OSError):
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.utime(_use_file(prefix))
    return stream


def _use_file(prefix: Path) -> Path:
    return prefix.parent / f".{prefix.name}.use"


def last_use(environment: Environment) -> float | None:
    """Return when the environment was last used, else when it was installed, as a time stamp; None if neither is."""
    prefix = environment.prefix
    for file in (_use_file(prefix), prefix / MARKER):
        with contextlib.suppress(OSError):
            return file.stat().st_mtime
    return None


@dataclass(frozen=True)
class Size:
    """Bytes on the disk: of all files, and of those that nothing else shares."""

    total: int
    own: int


def size(prefix: Path) -> Size:
    """Return the size of an installation; hard links to the wheel cache and other environments are not its own."""
    total = own = 0
    seen: set[tuple[int, int]] = set()
    folders = [prefix]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
                continue
            with contextlib.suppress(OSError):
                status = entry.stat(follow_symlinks=False)
                if (status.st_dev, status.st_ino) not in seen:
                    seen.add((status.st_dev, status.st_ino))
                    total += status.st_blocks * 512
                    own += status.st_blocks * 512 if status.st_nlink == 1 else 0
    return Size(total, own)


def remove(environment: Environment) -> Size:
    """Remove an installation and return the size that it had; what it was stays known, for the runs made in it."""
    prefix = environment.prefix
    if not environment.is_installed():
        raise InputError(f"{environment.name} is not installed", do="repro environment list")
    had = size(prefix)
    with _written(prefix.parent):
        prefix.parent.mkdir(parents=True, exist_ok=True)
        with _use_file(prefix).open("ab") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UnusableError(
                    f"{environment.name} is in use", do="wait for its runs (repro runs), or stop them"
                ) from None
            (prefix / MARKER).unlink(missing_ok=True)
            trash = prefix.parent / f".removed-{secrets.token_hex(4)}"
            if prefix.exists():
                prefix.rename(trash)
                shutil.rmtree(trash, ignore_errors=True)
        for file in (_use_file(prefix), prefix.parent / f".{prefix.name}.lock"):
            file.unlink(missing_ok=True)
    return had
