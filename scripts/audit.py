"""Looks up what every lock pins in a clone of the public repository pypa/advisory-database.

    python -m scripts.audit DATABASE [--write]

prints the known weaknesses of each lock; --write also keeps them in docs/evidence/audit.json, from which
`python -m scripts.evidence tables` makes the table of docs/dependencies.md. Exit code 1 where a lock that is not of an
old environment (Python 3.6) pins something with a known weakness.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from repro.base.files import sha256

ROOT = Path(__file__).resolve().parent.parent
EVIDENCE = ROOT / "docs/evidence/audit.json"
# One code under three names: the database files what it knows of 2022 under the last two only.
SAME_CODE = [("tensorflow", "tensorflow-cpu", "tensorflow-gpu")]
# All scalars as text: an unquoted 2.10 is a version and no number.
LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


class Pin(NamedTuple):
    """One package of a lock, under the name that the database uses."""

    package: str
    version: str


class UnusableError(Exception):
    """What was given cannot be looked up in, or looked up; the text says why."""


def locks() -> dict[str, Path]:
    """Every lock by its path in the repository: the engine's first."""
    engine = sorted(ROOT.glob("requirements*.lock"), key=lambda file: file.stem)
    return {file.relative_to(ROOT).as_posix(): file for file in [*engine, *sorted(ROOT.glob("environments/*/*.lock"))]}


def is_old(lock: str) -> bool:
    """Whether it is of an environment on Python 3.6, the only ones that need a pip of their own."""
    return (ROOT / lock).with_name("bootstrap.lock").is_file()


def pins(text: str) -> list[Pin]:
    """What a lock pins, whatever its markers say: another machine may be the one they mean."""
    found = []
    for line in re.sub(r"\\\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*", "", line)
        line = re.sub(r"\s--hash=\S+", "", line).strip()
        if line:
            requirement = Requirement(line)
            specifiers = list(requirement.specifier)
            if len(specifiers) != 1 or specifiers[0].operator != "==" or specifiers[0].version.endswith("*"):
                raise UnusableError(f"{line}: not one exact version")
            found.append(Pin(canonicalize_name(requirement.name), specifiers[0].version))
    return found


def advisories(database: Path, packages: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """The advisories of each package that are in force; packages of which there are none are left out."""
    if not (database / "vulns").is_dir():
        raise UnusableError(f"{database}: no folder vulns; give a clone of pypa/advisory-database")
    wanted = set(packages)
    found: dict[str, list[dict[str, Any]]] = {}
    for folder in sorted((database / "vulns").iterdir()):
        name = canonicalize_name(folder.name)
        if name in wanted:
            for file in sorted(folder.glob("*.yaml")):
                try:
                    read = yaml.load(file.read_bytes(), LOADER)
                except yaml.YAMLError as error:
                    raise UnusableError(f"{file}: {error}") from error
                if not read.get("withdrawn"):
                    found.setdefault(name, []).append(read)
    return found


def at_least(version: Version, event: str) -> bool:
    """Whether a version is an event's or a later one; "0" is before all, pre-releases of 0 too."""
    return event == "0" or version >= Version(event)


def in_range(version: Version, events: list[dict[str, str]]) -> bool:
    """OSV's own rule: of the events up to the version, the last one decides."""
    affected = False
    for event in sorted(events, key=lambda one: Version(next(iter(one.values())))):
        ((kind, at),) = event.items()
        if kind == "introduced" and at_least(version, at):
            affected = True
        elif (kind == "fixed" and at_least(version, at)) or (kind == "last_affected" and version > Version(at)):
            affected = False
    return affected


def same(version: Version, listed: str) -> bool:
    """Whether a listed version is this one; the lists hold old spellings that are no versions any more."""
    try:
        return version == Version(listed)
    except InvalidVersion:
        return False


def parts(advisory: dict[str, Any], package: str) -> Iterator[tuple[list[list[dict[str, str]]], list[str]]]:
    """What an advisory says of a package: its ranges of versions, and its list of them."""
    for affected in advisory["affected"]:
        if canonicalize_name(affected["package"]["name"]) == package and affected["package"]["ecosystem"] == "PyPI":
            ranges = [one["events"] for one in affected.get("ranges", []) if one["type"] == "ECOSYSTEM"]
            yield ranges, affected.get("versions", [])


def is_affected(advisory: dict[str, Any], package: str, version: Version) -> bool:
    """Whether a range or the list of an advisory holds a version."""
    return any(
        any(in_range(version, events) for events in ranges) or any(same(version, one) for one in listed)
        for ranges, listed in parts(advisory, package)
    )


def fixed_in(advisory: dict[str, Any], package: str, version: Version) -> str | None:
    """The first later version that an advisory calls fixed."""
    fixed = [
        event["fixed"]
        for ranges, _ in parts(advisory, package)
        for events in ranges
        for event in events
        if "fixed" in event and Version(event["fixed"]) > version
    ]
    return min(fixed, key=Version, default=None)


def weaknesses(pin: Pin, known: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What is known of a pin; advisories of one weakness (by their aliases) count once."""
    version = Version(pin.version)
    names = next((group for group in SAME_CODE if pin.package in group), (pin.package,))
    found: list[dict[str, Any]] = []
    for name in sorted(names, key=lambda name: (name != pin.package, name)):
        for advisory in known.get(name, []):
            try:
                if not is_affected(advisory, name, version):
                    continue
            except InvalidVersion as error:
                raise UnusableError(f"{advisory['id']}: {error}") from error
            called = {advisory["id"], *advisory.get("aliases", [])}
            twin = next((one for one in found if called & {one["id"], *one["aliases"]}), None)
            if twin is None:
                fixed = fixed_in(advisory, name, version)
                found.append({"id": advisory["id"], "aliases": sorted(called - {advisory["id"]}), "fixed": fixed})
            else:
                twin["aliases"] = sorted({*twin["aliases"], *called} - {twin["id"]})
    return found


def look_up(lock: Path, known: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """What is known of a lock's pins, and of which lock."""
    pinned = pins(lock.read_text(encoding="utf-8"))
    found = [{**pin._asdict(), "advisories": weaknesses(pin, known)} for pin in pinned]
    return {
        "sha256": sha256(lock),
        "packages": len({pin.package for pin in pinned}),
        "known_packages": len({pin.package for pin in pinned if pin.package in known}),
        "weak": [one for one in found if one["advisories"]],
    }


def commit(database: Path) -> dict[str, str]:
    """Which state of the database: its commit and that one's day."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(database), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise UnusableError(f"{database}: not a git clone: {done.stderr.strip()}")
        return done.stdout.strip()

    if Path(git("rev-parse", "--show-toplevel")).resolve() != database.resolve():
        raise UnusableError(f"{database}: not the top of a git clone")
    if git("status", "--porcelain", "--", "vulns"):
        raise UnusableError(f"{database}: vulns is not as committed")
    name, day = git("log", "-1", "--format=%H %cs").split()
    return {"commit": name, "date": day}


def audit(database: Path) -> dict[str, Any]:
    """All locks, looked up in a clone of the database."""
    state = commit(database)
    files = locks()
    pinned = {pin.package for file in files.values() for pin in pins(file.read_text(encoding="utf-8"))}
    known = advisories(database, pinned.union(*SAME_CODE))
    return {
        "format": 1,
        "database": {"name": "pypa/advisory-database", **state},
        "locks": {name: look_up(file, known) for name, file in files.items()},
    }


def summary(found: dict[str, Any]) -> str:
    """The weak packages of a lock, each with the number of its weaknesses."""
    weak = [f"{one['package']} {one['version']} ({len(one['advisories'])})" for one in found["weak"]]
    return ", ".join(weak) or "none"


def count(found: dict[str, Any]) -> int:
    """The weaknesses of a lock."""
    return sum(len(one["advisories"]) for one in found["weak"])


def tables() -> dict[str, str]:
    """The table of docs/dependencies.md; a lock that changed since it was looked up is said to have."""
    read: dict[str, Any] = json.loads(EVIDENCE.read_text(encoding="utf-8")) if EVIDENCE.is_file() else {}
    lines = [("lock", "packages", "in the database", "weaknesses", "weak packages (weaknesses of each)"), ("---",) * 5]
    for name, file in locks().items():
        found = read.get("locks", {}).get(name)
        if found is None:
            lines.append((f"`{name}`", "-", "-", "-", "not looked up"))
            continue
        changed = "" if found["sha256"] == sha256(file) else ". **The lock has changed since**"
        numbers = (found["packages"], found["known_packages"], count(found))
        lines.append((f"`{name}`", *map(str, numbers), summary(found) + changed))
    database = read.get("database", {})
    return {
        "audit": "\n".join("| " + " | ".join(cells) + " |" for cells in lines),
        "audit-database": f"Database: {database.get('name')}, commit `{database.get('commit', '-')[:12]}` of "
        f"{database.get('date')}.",
    }


def write(found: dict[str, Any]) -> None:
    """docs/evidence/audit.json, one weak package a line."""
    EVIDENCE.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(found, indent=1)
    text = re.sub(r'\{\s+"id": [^{}]*\}', lambda one: re.sub(r"\s+", " ", one[0]), text)
    EVIDENCE.write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """See above."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("database", type=Path, help="a clone of pypa/advisory-database")
    parser.add_argument("--write", action="store_true", help="also write docs/evidence/audit.json")
    options = parser.parse_args(arguments)
    try:
        found = audit(options.database)
    except UnusableError as error:
        print(f"audit: {error}", file=sys.stderr)
        return 2
    print(f"{found['database']['name']} of {found['database']['date']}, commit {found['database']['commit']}")
    for name, lock in found["locks"].items():
        print(f"{name}: packages {lock['packages']}, weaknesses {count(lock)}: {summary(lock)}")
    if options.write:
        write(found)
    return int(any(lock["weak"] for name, lock in found["locks"].items() if not is_old(name)))


if __name__ == "__main__":
    sys.exit(main())
