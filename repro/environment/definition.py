"""environment.yaml as a type, and the environments that are shipped."""

from __future__ import annotations

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

# What an environment can do that not every one can: what needs it is refused elsewhere (environment/requirements).
Ability = Literal["plain-averages", "frozen", "synchronized", "renorm", "group-norm", "cuda"]

EnvironmentName = Annotated[str, Meta(pattern=r"^[a-z0-9]+([.-][a-z0-9]+)*$", max_length=40)]
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


class Environment(msgspec.Struct, frozen=True):
    """A shipped environment and where its parts lie."""

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
    def prefix(self) -> Path:
        """Where it is, or would be, installed."""
        return installations_folder() / self.definition.installation

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


def installations_folder() -> Path:
    """$REPRO_ENVIRONMENTS, else a user data folder; absolute, since workers start in a folder of their own."""
    chosen = os.environ.get(VARIABLE)
    if chosen:
        return Path(chosen).absolute()
    try:
        return Path(platformdirs.user_data_dir("repro", appauthor=False)) / "environments"
    except RuntimeError:  # the user has no home, and no entry that names one
        raise UnusableError("HOME is not set", do=f"set it, or {VARIABLE} to the environments' folder") from None


@functools.cache
def shipped_environments() -> dict[str, Environment]:
    """All environments that come with the package, by name; the default first."""
    found = {}
    for file in shipped.folder("environments").glob("*/environment.yaml"):
        definition = yaml_file.read(file).convert(Definition)
        found[definition.name] = Environment(definition, file.parent)
    return dict(sorted(found.items(), key=lambda item: (item[0] != DEFAULT, item[0])))


def names() -> list[str]:
    """Names of the shipped environments; the default first."""
    return list(shipped_environments())


def get(name: str) -> Environment:
    """The environment called `name`."""
    try:
        return shipped_environments()[name]
    except KeyError:
        raise InputError(
            f"no environment is called {one_line(name, 60)!r}", do=f"choose from {', '.join(names())}"
        ) from None
