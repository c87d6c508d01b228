"""Which part of a path is public: what every machine has, public code, and a run's own files."""

from __future__ import annotations

import re

from repro.base import shipped

# Paths that every machine of a kind has, and TensorFlow's names of devices.
_PUBLIC = re.compile(
    r"/(?:usr/(?:lib(?:32|64)?|bin|sbin|share|include|libexec)|usr/local/(?:lib/(?:lib)?python[\d.]*|cuda[\w.-]*|bin/python[\d.]*)"
    r"|lib(?:32|64)?|bin|sbin|proc|sys|dev)(?:/|$)|/(?:job|replica|task|device|cpu|gpu|CPU|GPU)(?::|$)|/opt/repro(?:/|$)"
)
_ONE_LETTER = re.compile(r"/[a-zA-Z0-9]")
_RUN = re.compile(r"/\d{8}T\d{6}\.\d{6}Z-[\w.-]+-s\d+-[a-z0-9]{4}(?:/.*)?$")


def own_modules() -> list[str]:
    """Return the names of the packages and modules directly within `repro`."""
    packages = [path.parent.name for path in shipped.PACKAGE.glob("*/__init__.py")]
    return sorted([*packages, *(path.stem for path in shipped.PACKAGE.glob("*.py"))])


_PUBLIC_CODE = re.compile(
    r"/(?:lib(?:64)?/python\d[\d.]*(?:/.*)?|bin/python[\d.]*|site-packages/.*"
    rf"|repro/(?:{'|'.join(own_modules())})(?:/[\w/]+)?\.py)$"
)


def is_public(path: str) -> bool:
    """Return whether an absolute path is one that every machine of a kind has."""
    return _PUBLIC.match(path) is not None


def split_private(path: str) -> tuple[str, str]:
    """Split a path into what must not leave and the rest; either can be empty."""
    if is_public(path) or _ONE_LETTER.fullmatch(path):
        return "", path
    public = _RUN.search(path) or _PUBLIC_CODE.search(path)
    if public is None:
        return path.rstrip("/") or "/", ""
    return path[: public.start()] or "/", public[0]
