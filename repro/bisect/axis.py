"""The row of releases between two environments: which package is moved, and what is asked for at each release."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from packaging.requirements import Requirement
from packaging.version import Version

from repro.base.errors import InputError
from repro.environment import made, releases
from repro.environment.definition import Environment
from repro.environment.named import is_list, named
from repro.environment.requirement_list import TENSORFLOW, RequirementList, parse

# Packages whose releases can be a row, the one that is moved first.
MOVED = ("keras", "tf-keras", *TENSORFLOW)
MOST_RELEASES = 200


@dataclass(frozen=True)
class Place:
    """One release on the row: its day, and what is asked for to have it."""

    release: str
    day: date | None
    wanted: RequirementList


@dataclass(frozen=True)
class Axis:
    """Releases of `package` from the good end to the bad one."""

    package: str
    places: tuple[Place, ...]

    @property
    def releases(self) -> list[str]:
        return [place.release for place in self.places]


def make_axis(good: str, bad: str) -> Axis:
    """Return the row between two ends as they were named; InputError where no package has a release in both."""
    lists = _list(good), _list(bad)
    package, ends = _moved(*lists)
    known = releases.of(package)
    for end in ends:
        known.day(end)
    row = known.axis(*ends)
    if row[0] != _same(row, ends[0]):
        row.reverse()
    if len(row) > MOST_RELEASES:
        raise InputError(
            f"{len(row)} releases of {package} are too many", do=f"choose ends with {MOST_RELEASES} at most"
        )
    common = _common(lists, package)
    places = [Place(release, known.days.get(release), common.with_pin(package, release)) for release in row]
    return Axis(package, tuple(places))


def _same(row: list[str], release: str) -> str:
    return next(one for one in row if Version(one) == Version(release))


def _list(name: str) -> RequirementList:
    """Return what an end asks for; of one that is named otherwise its Keras and TensorFlow."""
    if is_list(name):
        return parse([name])
    environment = named(name)
    if environment.is_made:
        return parse(environment.definition.requirements)
    locked = environment.locked_versions()
    legacy = environment.definition.adapter == "tf-keras" and "tf-keras" in locked
    names = [one for one in ("tf-keras" if legacy else "keras", *TENSORFLOW) if one in locked]
    return RequirementList(tuple(Requirement(f"{one}=={locked[one]}") for one in names))


def _moved(good: RequirementList, bad: RequirementList) -> tuple[str, tuple[str, str]]:
    for package in MOVED:
        first, second = good.pins.get(package), bad.pins.get(package)
        if first is not None and second is not None and Version(first) != Version(second):
            return package, (first, second)
    raise InputError(
        "--good and --bad have no package in two releases",
        do="name one with == in both, for example --good keras==2.0.9 --bad keras==2.2.4",
    )


def _common(lists: tuple[RequirementList, RequirementList], package: str) -> RequirementList:
    """Return the requirements that both ends share: they are asked for at each release too."""
    in_second = set(lists[1].texts)
    shared = tuple(one for one, text in zip(lists[0].requirements, lists[0].texts, strict=True) if text in in_second)
    return RequirementList(tuple(one for one in shared if one.name != package))


def moved_packages(good: Environment, bad: Environment) -> dict[str, tuple[str | None, str | None]]:
    """Return the packages whose versions differ between two environments, with both; Python among them."""
    first, second = _versions(good), _versions(bad)
    names = sorted(first.keys() | second.keys())
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}


def _versions(environment: Environment) -> dict[str, str]:
    locked = {name: version for name, version in environment.locked_versions().items() if name not in made.TOOLS}
    return {"python": environment.definition.python, **locked}


def exchanged(environment: Environment, donor: Environment, package: str) -> RequirementList:
    """Return all pins of `environment`, but `package` as `other` has it."""
    locked = {name: version for name, version in environment.locked_versions().items() if name not in made.TOOLS}
    pins = RequirementList(tuple(Requirement(f"{name}=={version}") for name, version in sorted(locked.items())))
    return pins.with_pin(package, donor.locked_versions().get(package))
