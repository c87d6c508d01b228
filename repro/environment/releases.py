"""Releases of a package and the days on which they came out, as the package index tells, else a table of ours."""

from __future__ import annotations

import base64
import functools
import http.client
import re
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, date, datetime

import msgspec
from packaging.specifiers import SpecifierSet
from packaging.utils import InvalidSdistFilename, InvalidWheelFilename, parse_sdist_filename, parse_wheel_filename
from packaging.version import InvalidVersion, Version

from repro.base import shipped
from repro.base.decoding import decode_json
from repro.base.errors import InputError, ReproError, UnusableError
from repro.base.text import one_line
from repro.environment import uv_command
from repro.environment.uv_command import UnreachableError

TABLE = "releases.json"
TIMEOUT_SECONDS = 30
MOST_BYTES = 64 * 1024 * 1024
_JSON = "application/vnd.pypi.simple.v1+json"


class _File(msgspec.Struct):
    filename: str
    upload_time: str | None = msgspec.field(default=None, name="upload-time")
    yanked: bool | str = False


class _Page(msgspec.Struct):
    files: list[_File]


class Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """releases.json: of each package, day by release; `read` is the day on which the index was read."""

    format: int
    read: date
    packages: dict[str, dict[str, date]]


class Releases(msgspec.Struct, frozen=True):
    """A package's releases with their days, the oldest day first; `is_current`: the index itself told them."""

    package: str
    days: dict[str, date]
    is_current: bool = True
    # Minor versions of Python ("3.6") that a release has wheels for; "" for a wheel that any Python takes.
    pythons: dict[str, set[str]] = {}

    def pythons_until(self, bound: SpecifierSet, day: date | None) -> set[str] | None:
        """Return the Pythons that have a wheel of a release within `bound` and of that day; None if it is not known."""
        if not self.is_current:
            return None
        chosen = [text for text, out in self.days.items() if (day is None or out <= day) and bound.contains(text, True)]
        return {python for text in chosen for python in self.pythons.get(text, ())}

    def day(self, version: str) -> date:
        """Return the day of a release; InputError with the nearest ones if there is none."""
        wanted = Version(version)
        match = next((day for text, day in self.days.items() if Version(text) == wanted), None)
        if match is not None:
            return match
        ordered = sorted(self.days, key=Version)
        older = [text for text in ordered if Version(text) < wanted][-1:]
        newer = [text for text in ordered if Version(text) > wanted][:1]
        known = "" if self.is_current else " as far as the table of this version of repro knows"
        raise InputError(
            f"{self.package} {version} was never released{known}",
            do=f"the nearest are {' and '.join([*older, *newer])}" if ordered else "check its name",
        )

    def axis(self, first: str, last: str) -> list[str]:
        """Return the final releases from `first` to `last`, both of them too, in the order of their days.

        Corrections of an older line that came out after a newer one are left out: they would be a step back.
        """
        low, high = sorted((Version(first), Version(last)))
        inside = [text for text in self.days if low <= Version(text) <= high]
        chosen: list[str] = []
        for text in sorted(inside, key=lambda text: (self.days[text], Version(text))):
            version = Version(text)
            is_newest = version > max(map(Version, chosen), default=low)
            if version in (low, high) or (is_newest and not version.is_prerelease):
                chosen.append(text)
        return sorted(chosen, key=Version)


@functools.cache
def of(package: str) -> Releases:
    """Return all releases of `package`; without an index those of our table, UnusableError where that has none."""
    try:
        return _from_index(package)
    except UnusableError as error:
        known = table().packages.get(package)
        if known is None:
            raise error from None
        return Releases(package, dict(sorted(known.items(), key=lambda item: item[1])), is_current=False)


@functools.cache
def table() -> Table:
    """Return the releases that were known when this version of repro was made."""
    return decode_json((shipped.folder("environments") / TABLE).read_bytes(), Table)


def _from_index(package: str) -> Releases:
    """Return what the index tells, the oldest first: a release's day is that of its first file not withdrawn."""
    days: dict[str, date] = {}
    pythons: dict[str, set[str]] = {}
    for file in _page(package).files:
        version = _version(file.filename)
        if version is None or file.yanked is not False:
            continue
        if file.upload_time is None:
            raise UnusableError("the package index tells no days of upload", do="name all packages with ==")
        day = datetime.fromisoformat(file.upload_time).astimezone(UTC).date()
        days[version] = min(day, days.get(version, day))
        if file.filename.endswith(".whl"):
            tags = parse_wheel_filename(file.filename)[3]
            pythons.setdefault(version, set()).update(_python(tag.interpreter) for tag in tags)
    ordered = sorted(days.items(), key=lambda item: (item[1], Version(item[0])))
    return Releases(package, dict(ordered), pythons=pythons)


def _python(interpreter: str) -> str:
    """Return the minor version that a wheel's tag names, as "3.6"; "" for one that takes any."""
    match = re.fullmatch(r"cp3(\d+)", interpreter)
    return f"3.{match.group(1)}" if match else ""


def _version(filename: str) -> str | None:
    try:
        if filename.endswith(".whl"):
            return str(parse_wheel_filename(filename)[1])
        return str(parse_sdist_filename(filename)[1])
    except (InvalidWheelFilename, InvalidSdistFilename, InvalidVersion):
        return None


def _page(package: str) -> _Page:
    """Return the index's page about `package`; InputError if it has none, UnusableError if it does not answer."""
    address = _unreachable_if_none(uv_command.index_address())
    parts = urllib.parse.urlsplit(f"{address.rstrip('/')}/{package}/")
    headers = {"Accept": _JSON, "User-Agent": "repro"}
    if parts.username is not None:
        secret = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
        parts = parts._replace(netloc=parts.netloc.rpartition("@")[2])
    if parts.scheme not in ("http", "https"):
        raise _unreachable("it is not a web address")
    try:
        request = urllib.request.Request(parts.geturl(), headers=headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS) as answer:
            if not answer.headers.get("Content-Type", "").startswith(_JSON):
                raise _unreachable("it does not answer in JSON")
            return decode_json(answer.read(MOST_BYTES), _Page)
    except urllib.error.HTTPError as error:
        if error.code in (404, 410):
            raise InputError(f"the package index has no package {one_line(package, 60)}", do="check its name") from None
        raise _unreachable(f"status {error.code}") from None
    except (OSError, http.client.HTTPException, msgspec.DecodeError) as error:
        raise _unreachable(one_line(getattr(error, "reason", error), 200)) from None


def _unreachable_if_none(address: str | None) -> str:
    if address is None:
        raise _unreachable("uv is told to use none")
    return address


def _unreachable(reason: str) -> ReproError:
    return UnreachableError(
        f"the package index cannot be reached ({reason})",
        do="use an environment that is installed (repro environment list), or make it where there is a network",
    )
