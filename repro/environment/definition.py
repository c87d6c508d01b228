"""environment.yaml as a type, and the environments that are shipped."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
from pathlib import Path
from typing import Annotated, Literal

import msgspec
import platformdirs
from msgspec import Meta

from repro.base import shipped, yaml_file
from repro.base.errors import InputError, UnusableError
from repro.base.text import one_line

DEFAULT = "keras-3"
MARKER = "repro-installation.json"
VARIABLE = "REPRO_ENVIRONMENTS"
# Folder beside the installations: what those are that were made on demand.
MADE = ".made"
NAMES = "names"
# Beside the lock of one that was made: the tools that build its packages without a wheel.
BUILD_LOCK = "build.lock"

# What an environment can do that not every one can: what needs it is refused elsewhere (environment/requirements).
Ability = Literal["plain-averages", "frozen", "synchronized", "renorm", "group-norm", "cuda"]

EnvironmentName = Annotated[str, Meta(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=100)]
FileName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$", max_length=60)]


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What environment.yaml says."""

    format: Literal[1]
    name: EnvironmentName
    python: Annotated[str, Meta(pattern=r"^3\.\d{1,2}$", description="Minor version of the interpreter.")]
    adapter: Literal["keras-3", "tf-keras", "keras-2"]
    installation: Annotated[EnvironmentName, Meta(description="The installed environment that this one runs in.")]
    title: str = ""
    about: str = ""
    lock: FileName | None = None
    variables: dict[str, str] = {}
    abilities: Annotated[
        list[Ability],
        Meta(max_length=10, description="What its BatchNormalization can do beyond averaging; cuda: it can use a GPU."),
    ] = []
    # Of one that was made on demand: what was asked for, and why the worker cannot train in it ("": it can).
    requirements: list[str] = []
    cannot_train: str = ""


class Environment(msgspec.Struct, frozen=True):
    """An environment, shipped or made on demand, and where its parts lie."""

    definition: Definition
    folder: Path

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def lock(self) -> Path:
        """Requirement file with hashes of the installation."""
        if self.definition.lock is not None:
            return self.folder / self.definition.lock
        return get(self.definition.installation).lock

    @property
    def bootstrap(self) -> Path | None:
        """Lock of pip itself, for interpreters whose own is too old."""
        file = self.lock.parent / "bootstrap.lock"
        return file if file.is_file() else None

    def lock_sha256(self) -> str:
        """Hash of the lock file."""
        return hashlib.sha256(self.lock.read_bytes()).hexdigest()

    @property
    def is_made(self) -> bool:
        """Whether it was made on demand from a requirement list."""
        return bool(self.definition.requirements)

    @property
    def prefix(self) -> Path:
        """Where it is, or would be, installed: the first folder that has it, else the first that can be written."""
        name = self.definition.installation
        folders = installations_folders()
        return next((one / name for one in folders if (one / name / MARKER).is_file()), installations_folder() / name)

    @property
    def python(self) -> Path:
        """Its interpreter once installed."""
        return self.prefix / "bin" / "python"

    def is_cpu_certain(self, device: str) -> bool:
        """Return whether a run that asks for `device` is on the CPU on every machine; `auto` may be a GPU."""
        return device == "cpu" or (device == "auto" and "cuda" not in self.definition.abilities)

    def is_installed(self) -> bool:
        """Whether an installation was completed here."""
        return (self.prefix / MARKER).is_file() and self.python.exists()

    def locked_versions(self) -> dict[str, str]:
        """Package name (normalized) to version, from the lock and the bootstrap lock."""
        found: dict[str, str] = {}
        for file in (self.bootstrap, self.lock):
            if file is not None:
                for name, version in re.findall(
                    r"^([A-Za-z0-9._-]+)(?:\[[^]]*\])?==([^\s;\\]+)", file.read_text(), re.M
                ):
                    found[normalized(name)] = version
        return found

    def interpreter_variables(self) -> dict[str, str]:
        """Variables without which its interpreter does not start or speak UTF-8."""
        variables = {"PYTHONNOUSERSITE": "1", "PYTHONHASHSEED": "0", "PYTHONIOENCODING": "utf-8", "LANG": "C.UTF-8"}
        library = self.prefix / "lib"
        if any(library.glob("libpython*.so*")):
            variables["LD_LIBRARY_PATH"] = str(library)
        return variables


def normalized(name: str) -> str:
    """A distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def installations_folders() -> list[Path]:
    """Folders of $REPRO_ENVIRONMENTS (`:` between them), else a user data folder.

    All are absolute, since workers start in a folder of their own.
    """
    chosen = [Path(part).absolute() for part in os.environ.get(VARIABLE, "").split(":") if part]
    if chosen:
        return list(dict.fromkeys(chosen))
    try:
        return [Path(platformdirs.user_data_dir("repro", appauthor=False)) / "environments"]
    except RuntimeError:  # the user has no home, and no entry that names one
        raise UnusableError("HOME is not set", do=f"set it, or {VARIABLE} to the environments' folder") from None


def installations_folder() -> Path:
    """Return the folder that installations go to: the first that can be written, else the first."""
    folders = installations_folders()
    return next((one for one in folders if _can_be_written(one)), folders[0])


def _can_be_written(folder: Path) -> bool:
    nearest = next(one for one in (folder, *folder.parents) if one.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


@functools.cache
def shipped_environments() -> dict[str, Environment]:
    """All environments that come with the package, by name; the default first."""
    found = {}
    for file in shipped.folder("environments").glob("*/environment.yaml"):
        definition = yaml_file.read(file).convert(Definition)
        found[definition.name] = Environment(definition, file.parent)
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT, item[0])))


def made_environments() -> dict[str, Environment]:
    """All environments that were made on demand here, by name; one that cannot be read is left out."""
    found: dict[str, Environment] = {}
    for folder in installations_folders():
        for file in sorted((folder / MADE).glob("*/environment.yaml")):
            try:
                definition = yaml_file.read(file).convert(Definition)
            except InputError:
                continue
            if definition.name == file.parent.name:
                found.setdefault(definition.name, Environment(definition, file.parent))
    return found


def names() -> list[str]:
    """Names of the shipped environments; the default first."""
    return list(shipped_environments())


def find(name: str) -> Environment | None:
    """Return the environment called `name`, shipped or made here, also by a user's name; None if there is none."""
    for one in (shipped_environments().get(name), made_environments().get(name)):
        if one is not None:
            return one
    own_name = own_names().get(name)
    return None if own_name is None else find(own_name)


def own_names() -> dict[str, str]:
    """Names that users gave to environments that were made here, and what these are called themselves."""
    found: dict[str, str] = {}
    for folder in reversed(installations_folders()):
        for file in (folder / MADE / NAMES).glob("*"):
            with contextlib.suppress(OSError, UnicodeDecodeError):
                found[file.name] = file.read_text(encoding="utf-8").strip()
    return {name: target for name, target in found.items() if target not in found}


def get(name: str) -> Environment:
    """The environment called `name`."""
    found = find(name)
    if found is None:
        raise InputError(
            f"no environment is called {one_line(name, 60)!r}",
            do=f"choose from {', '.join(names())}, or name its packages (keras==2.1.3)",
        )
    return found
