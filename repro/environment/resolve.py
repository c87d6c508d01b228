"""Turns a requirement list into exact pins: what is not named is of the day of the latest release that is."""

from __future__ import annotations

import re
import tempfile
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from repro.base.errors import InputError, ReproError, UnusableError
from repro.environment import interpreter, releases, uv_command
from repro.environment.definition import normalized
from repro.environment.requirement_list import TENSORFLOW, RequirementList
from repro.environment.uv_command import UvError

# The Pythons that a TensorFlow was ever built for, the newest first.
PYTHONS = tuple(f"3.{minor}" for minor in range(14, 5, -1))
# Tools that build packages without a wheel: those of the day cannot do it for an old Python any more.
_BUILD_TOOLS = ("setuptools", "wheel")
_OLDEST_BUILD_TOOLS = date(2021, 12, 1)
_FAR = "2999-01-01T00:00:00Z"
_NO_WHEEL = re.compile(r"(no wheels? with a matching|current Python version|no usable wheels|no wheels are)", re.I)


@dataclass(frozen=True)
class Pin:
    """One package of a resolution with the hashes of its files for this Python; `has_wheel`: nothing is built."""

    name: str
    version: str
    hashes: tuple[str, ...]
    has_wheel: bool


@dataclass(frozen=True)
class Resolution:
    """Exact versions for a requirement list: the Python, the day of what was not named, and the pins by name.

    `tools`: what builds the packages that have no wheel; empty where all have one.
    """

    python: str
    base: Path
    day: date
    pins: tuple[Pin, ...]
    tools: tuple[Pin, ...] = ()

    @property
    def versions(self) -> dict[str, str]:
        """Version by package."""
        return {pin.name: pin.version for pin in self.pins}


def lock_text(pins: Sequence[Pin]) -> str:
    """Return the text of a lock file: pins with hashes, no address."""
    lines = []
    for pin in pins:
        hashes = [f"    --hash=sha256:{one}" for one in pin.hashes]
        lines.append(" \\\n".join([f"{pin.name}=={pin.version}", *hashes]))
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class _Target:
    """What is tried: a Python, the day, and a requirement for TensorFlow that the list lacks ("": it has one)."""

    python: str
    base: Path
    day: date
    tensorflow: str


def resolve(wanted: RequirementList, *, python: str | None = None, as_of: date | None = None) -> Resolution:
    """Return exact pins; InputError for a release that does not exist or a conflict, UnusableError otherwise.

    `python`: the minor version, else the newest one here that has all wheels.
    """
    day = as_of
    if day is None:
        days = [releases.of(package).day(version) for package, version in wanted.pins.items()]
        day = max(days, default=datetime.now(UTC).date())
    pythons = _pythons(python)
    faults: dict[str, UvError] = {}
    for target in _targets(wanted, pythons, day, faults):
        try:
            pins = _complete(wanted, target)
        except UvError as error:
            faults[target.python] = error
            continue
        tools = () if all(pin.has_wheel for pin in pins) else _tools(target)
        return Resolution(target.python, target.base, target.day, pins, tools)
    raise _fault(wanted, list(pythons), faults)


def _pythons(wanted: str | None) -> dict[str, Path]:
    """Return the interpreters here by minor version, the newest first."""
    minors = PYTHONS if wanted is None else (wanted,)
    chosen = {version: one for version in minors if (one := next(interpreter.iterate(version), None))}
    if not chosen:
        what = "no Python" if wanted is None else f"no Python {wanted}"
        raise UnusableError(f"{what} was found", do="install one (pyenv install), or use the container")
    return chosen


def _targets(
    wanted: RequirementList, pythons: dict[str, Path], day: date, faults: dict[str, UvError]
) -> Iterator[_Target]:
    """Yield what can be tried: TensorFlow of the day first, then the first later one that has a wheel here."""
    if wanted.tensorflow is not None:
        name = wanted.tensorflow
        for version, base in pythons.items():
            try:
                _tensorflow_of_day(str(_requirement(wanted, name)), base, None)
            except UvError as error:
                faults[version] = error
                continue
            yield _Target(version, base, day, "")
        return
    bound = tensorflow_bound(wanted)
    builds = ("tensorflow-cpu", "tensorflow")
    have = {build: releases.of(build).pythons_until(SpecifierSet(bound), day) for build in builds}
    for version, base in pythons.items():
        for build, known in have.items():
            if known is not None and not known & {version, ""}:
                continue
            try:
                chosen = _tensorflow_of_day(f"{build}{bound}", base, day)
            except UvError as error:
                faults[version] = error
                continue
            yield _Target(version, base, day, chosen)
    for build, release, later in _later_releases(bound, day):
        known = releases.of(build).pythons.get(release)
        for version, base in pythons.items():
            if known is not None and not known & {version, ""}:
                continue
            try:
                chosen = _tensorflow_of_day(f"{build}=={release}", base, None)
            except UvError:
                continue
            yield _Target(version, base, later, chosen)


def _requirement(wanted: RequirementList, package: str) -> str:
    return wanted.texts[wanted.packages.index(package)]


def tensorflow_bound(wanted: RequirementList) -> str:
    """Return which TensorFlow goes with the Keras that is named, as a specifier; "": any.

    Keras 2.3 would take TensorFlow 2, in which its static graphs do not train. From 2.4 to 2.15, and as tf-keras,
    Keras is a part of the TensorFlow of that number. Keras 3 replaces it from TensorFlow 2.16 on.
    """
    legacy, keras = wanted.exact("tf-keras"), wanted.exact("keras")
    if legacy is not None:
        return f"=={_minor(legacy)}.*"
    if keras is None:
        return ""
    version = Version(keras)
    if version >= Version("3"):
        return ">=2.16"
    if version >= Version("2.5"):
        return f"=={_minor(keras)}.*"
    return ">=2.2,<2.5" if version >= Version("2.4") else "<2"


def _minor(version: str) -> str:
    return ".".join(map(str, Version(version).release[:2]))


def _later_releases(bound: str, day: date) -> Iterator[tuple[str, str, date]]:
    """Yield builds and releases of TensorFlow after a day that the bound admits, with their days, in that order."""
    allowed = SpecifierSet(bound)
    later = []
    for rank, build in enumerate(("tensorflow-cpu", "tensorflow")):
        for release, out in releases.of(build).days.items():
            if out > day and allowed.contains(release):
                later.append((out, rank, build, release))
    for out, _, build, release in sorted(later):
        yield build, release, out


def _tensorflow_of_day(requirement: str, base: Path, day: date | None) -> str:
    """Return the exact TensorFlow of a day that has a wheel for an interpreter; UvError if there is none."""
    until = [] if day is None else ["--exclude-newer", _end_of(day), "--prerelease", "disallow"]
    printed = _compile(requirement, base, ["--no-deps", "--only-binary", ":all:", "--no-annotate", *until])
    return printed.strip().splitlines()[-1]


def _complete(wanted: RequirementList, target: _Target) -> tuple[Pin, ...]:
    """Return all pins of a target; a pin that has no wheel becomes the next release that has one, if that fits."""
    texts = [*wanted.texts, *([target.tensorflow] if target.tensorflow else [])]
    named = {*wanted.pins, *(name for name in TENSORFLOW if target.tensorflow.startswith(f"{name}=="))}
    pins = _locked(texts, named, target, {})
    later: dict[str, str] = {}
    for pin in pins:
        if pin.has_wheel or pin.name in named:
            continue
        chosen = _next_with_wheel(pin, target.base)
        if chosen is not None:
            later[pin.name] = chosen
    while later:
        try:
            return _locked(texts, named, target, later)
        except UvError as error:  # others pin them to what has no wheel: that is built then
            blamed = {name for name in later if f"{name}==" in error.output} or set(later)
            later = {name: version for name, version in later.items() if name not in blamed}
    return pins


def _locked(texts: list[str], named: set[str], target: _Target, later: dict[str, str]) -> tuple[Pin, ...]:
    """Resolve on the day of the target; of `later` packages exactly these versions, of any day."""
    options = ["--exclude-newer", _end_of(target.day)]
    for name in sorted({*named, *later} - set(_BUILD_TOOLS)):
        options += ["--exclude-newer-package", f"{name}={_FAR}"]
    # An old TensorFlow imports setuptools; older releases of it do not know today's ways to build.
    options += ["--exclude-newer-package", f"setuptools={_end_of(_tools_day(target))}"]
    lines = [*texts, "setuptools", *(f"{name}=={version}" for name, version in later.items())]
    with tempfile.TemporaryDirectory(prefix="repro-") as folder:
        if any(text.startswith("tensorflow-cpu") for text in texts):
            # tf-keras asks for the distribution `tensorflow`, which would overwrite the files of `tensorflow-cpu`.
            never = Path(folder) / "overrides.txt"
            never.write_text("tensorflow; python_version < '3'\n", encoding="utf-8")
            options += ["--overrides", str(never)]
        return _pins(lines, target, options)


def _tools(target: _Target) -> tuple[Pin, ...]:
    """Return the tools that build packages for the target's Python."""
    return _pins(_BUILD_TOOLS, target, ["--exclude-newer", _end_of(_tools_day(target))])


def _tools_day(target: _Target) -> date:
    return max(target.day, _OLDEST_BUILD_TOOLS)


def _pins(lines: Sequence[str], target: _Target, options: list[str]) -> tuple[Pin, ...]:
    printed = _compile("\n".join(lines), target.base, ["--format", "pylock.toml", *options])
    packages = tomllib.loads(printed).get("packages", [])
    return tuple(_pin(one) for one in sorted(packages, key=lambda one: str(one["name"])))


def _pin(package: dict[str, Any]) -> Pin:
    wheels = package.get("wheels", [])
    files = [*wheels, *([package["sdist"]] if "sdist" in package else [])]
    hashes = sorted({file["hashes"]["sha256"] for file in files if "sha256" in file.get("hashes", {})})
    if not hashes:
        raise UnusableError(f"the package index gives no hash for {package['name']}", do="use another index")
    return Pin(normalized(package["name"]), package["version"], tuple(hashes), bool(wheels))


def _next_with_wheel(pin: Pin, base: Path) -> str | None:
    """Return the first release from a pin on that has a wheel for an interpreter; None if there is none."""
    options = ["--no-deps", "--only-binary", ":all:", "--resolution", "lowest", "--no-annotate"]
    try:
        printed = _compile(f"{pin.name}>={pin.version}", base, options)
    except UvError:
        return None
    return printed.strip().splitlines()[-1].partition("==")[2] or None


def _compile(text: str, base: Path, options: Sequence[str]) -> str:
    return uv_command.run(["pip", "compile", "-", "--quiet", "--no-header", "--python", base, *options], text=text)


def _end_of(day: date) -> str:
    """Return the first moment after a day (UTC), as uv bounds the time of upload."""
    return f"{(day + timedelta(days=1)).isoformat()}T00:00:00Z"


def _fault(wanted: RequirementList, pythons: list[str], faults: dict[str, UvError]) -> ReproError:
    """Return why nothing fits: no wheel for any Python here, or a conflict."""
    others = [error for error in faults.values() if not _NO_WHEEL.search(error.output)]
    if others:
        return InputError(f"{wanted} cannot be had together ({others[0].what})", do="change a version")
    tags = sorted(
        {tag for error in faults.values() for tag in re.findall(r"`cp3(\d+)m?`", _offered(error.output))}, key=int
    )
    have = f"there are wheels for Python {', '.join(f'3.{tag}' for tag in tags)}" if tags else "there is no wheel"
    here = ", ".join(pythons) if pythons else "none"
    do = "install one of those (pyenv install), or use the container" if tags else "choose another release"
    return UnusableError(f"no Python here can have {wanted} (here: {here}; {have})", do=do)


def _offered(output: str) -> str:
    """Return the part of uv's hint that lists what there are wheels for."""
    return re.sub(r"\s+", " ", output).partition("we only found wheels")[2]
