"""Requirement lists, as `keras==2.1.3,tensorflow==1.4.0` names an environment that is made on demand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from repro.base.errors import InputError
from repro.base.number_ranges import split_list
from repro.base.text import one_line

MOST = 20
LONGEST = 200
TENSORFLOW = ("tensorflow", "tensorflow-cpu", "tensorflow-gpu")


@dataclass(frozen=True)
class RequirementList:
    """What is asked for: requirements in the order they were given, each package once."""

    requirements: tuple[Requirement, ...]

    def __str__(self) -> str:
        return ",".join(self.texts)

    @property
    def texts(self) -> list[str]:
        """Each requirement as text, the same for lists that mean the same."""
        return [_text(one) for one in self.requirements]

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for lists that ask for the same."""
        return tuple(sorted(self.texts))

    def exact(self, *packages: str) -> str | None:
        """Return the version that is asked for of the first of these packages that has an exact one."""
        return next((version for package in packages if (version := self.pins.get(package))), None)

    @property
    def pins(self) -> dict[str, str]:
        """Versions of the packages that are named with `==`."""
        by_name: dict[str, str] = {}
        for one in self.requirements:
            specifiers = list(one.specifier)
            if len(specifiers) == 1 and specifiers[0].operator in ("==", "===") and "*" not in specifiers[0].version:
                by_name[canonicalize_name(one.name)] = specifiers[0].version
        return by_name

    @property
    def packages(self) -> list[str]:
        """The names of the packages, as they are compared."""
        return [canonicalize_name(one.name) for one in self.requirements]

    @property
    def tensorflow(self) -> str | None:
        """The distribution of TensorFlow that is named; None if none is."""
        return next((name for name in self.packages if name in TENSORFLOW), None)

    def with_pin(self, package: str, version: str | None) -> RequirementList:
        """Return the list with this version of `package`, in the place that it has; None leaves it out."""
        pin = () if version is None else (Requirement(f"{package}=={version}"),)
        if package not in self.packages:
            return RequirementList((*self.requirements, *pin))
        at = self.packages.index(package)
        return RequirementList((*self.requirements[:at], *pin, *self.requirements[at + 1 :]))


def parse(texts: Sequence[str]) -> RequirementList:
    """Return the requirements of words and comma lists; InputError for what is none."""
    by_name: dict[str, Requirement] = {}
    for text in _split(texts):
        if len(text) > LONGEST:
            raise InputError(
                f"{one_line(text, 40)!r} is too long for a requirement", do=f"give at most {LONGEST} letters"
            )
        try:
            one = Requirement(text)
        except InvalidRequirement:
            raise InputError(
                f"{one_line(text, 60)!r} is not a requirement", do="write for example keras==2.1.3"
            ) from None
        if one.url is not None or one.marker is not None:
            raise InputError(f"{one_line(text, 60)!r}: addresses and markers are not taken", do="name a version")
        name = canonicalize_name(one.name)
        if name in by_name:
            raise InputError(f"{name} is named twice", do="name each package once")
        by_name[name] = one
    if not by_name:
        raise InputError("no requirement is named", do="write for example keras==2.1.3")
    if len(by_name) > MOST:
        raise InputError(f"{len(by_name)} requirements are too many", do=f"give at most {MOST}")
    if len({name for name in by_name if name in TENSORFLOW}) > 1:
        raise InputError("two builds of TensorFlow are named", do="name one: they hold the same files")
    return RequirementList(tuple(by_name.values()))


def _split(texts: Sequence[str]) -> list[str]:
    """Cut at commas between requirements, not at those within one (`h5py>=2,<3`)."""
    parts: list[str] = []
    for part in split_list(texts, "the requirements"):
        if parts and part[0] in "=<>!~":
            parts[-1] += f",{part}"
        else:
            parts.append(part)
    return parts


def _text(one: Requirement) -> str:
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    return f"{canonicalize_name(one.name)}{extras}{','.join(sorted(map(str, one.specifier)))}"
