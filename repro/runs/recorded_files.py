"""Which files a recording may hold, how large they may be, and what each of them tells."""

from __future__ import annotations

import re

from repro.runs import layout

MAX_ARRAYS = 300
MAX_BYTES = 512 * 1024 * 1024  # of one recording
MAX_ARRAY_BYTES = 8 * 1024 * 1024
# Every other file that a recorder, or `repro record`, writes, with the most bytes that it may have.
MAX_FILE_BYTES = {
    layout.RECORD: 1024 * 1024,
    layout.ENVIRONMENT: 1024 * 1024,
    layout.PACKAGE_LOCK: 1024 * 1024,
    layout.EVENTS: 256 * 1024 * 1024,
    layout.SCRIPT: 1024 * 1024,
}
REQUIRED = (layout.RECORD, layout.EVENTS)

_ARRAY = re.compile(r"^arrays/[A-Za-z0-9][A-Za-z0-9._-]{0,150}\.npy\Z")
# The samples themselves, which only a recording that was made with --with-data has.
_SAMPLES = re.compile(r"^arrays/fit-\d+-(?:fit|validation|call-\d+)-([xy])(?:-(.+))?\.npy\Z")
_PACKAGE = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}==[A-Za-z0-9][A-Za-z0-9._+!-]{0,99}\Z")


def most_bytes(name: str) -> int | None:
    """Return how large a file of a recording may be; None for a name that none has."""
    return MAX_ARRAY_BYTES if _ARRAY.match(name) else MAX_FILE_BYTES.get(name)


def holds_samples(name: str) -> bool:
    """Return whether a file holds samples of the user's own."""
    return _SAMPLES.match(name) is not None


def names_an_input(name: str) -> bool:
    """Return whether the name of a file of samples holds one that the program gave to an input."""
    match = _SAMPLES.match(name)
    return match is not None and match[2] is not None and not match[2].isdigit()


def packages_of(lock: str) -> dict[str, str] | None:
    """Return the packages of a recording's requirements.lock by name; None if a line is of another shape."""
    lines = lock.splitlines()
    if not all(map(_PACKAGE.match, lines)):
        return None
    return dict(line.split("==", 1) for line in lines)
