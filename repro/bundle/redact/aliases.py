"""Aliases such as `<path-1>`, and where each was used."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

_ALIAS = re.compile(r"<[a-z]+-\d+>")


@dataclass(frozen=True, order=True)
class Replacement:
    """How often something of one kind was replaced by `alias` in `file`."""

    file: str
    alias: str
    kind: str
    count: int


class Aliases:
    """Gives each private text one alias, numbered by kind, and counts its uses by file."""

    def __init__(self) -> None:
        self._aliases: dict[tuple[str, str], str] = {}
        self._numbers: Counter[str] = Counter()
        self._uses: Counter[tuple[str, str, str]] = Counter()

    def use(self, kind: str, text: str, file: str) -> str:
        """Return the alias of `text` and count it; an alias stays what it is."""
        if _ALIAS.fullmatch(text):
            return text
        alias = self._aliases.get((kind, text))
        if alias is None:
            self._numbers[kind] += 1
            alias = self._aliases[kind, text] = f"<{kind}-{self._numbers[kind]}>"
        self.count(kind, alias, file)
        return alias

    def count(self, kind: str, alias: str, file: str) -> None:
        """Count one use of an alias."""
        self._uses[file, alias, kind] += 1

    @property
    def replacements(self) -> list[Replacement]:
        """What was replaced in which file, without the originals."""
        return sorted(Replacement(file, alias, kind, count) for (file, alias, kind), count in self._uses.items())
