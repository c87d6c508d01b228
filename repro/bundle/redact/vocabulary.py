"""The private texts of an export, and expressions that find them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any, NamedTuple
from urllib.parse import quote

import msgspec

from repro.bundle.redact.paths import is_public
from repro.bundle.redact.patterns import REST_OF_PATH, USER_OF_HOME
from repro.bundle.redact.private import COMMON_WORDS, FIELD_KINDS, MIN_NAME, PrivateText

MAX_DEPTH = 100


class Expressions(NamedTuple):
    """What finds private words, paths, and short names as path components; None if there are none."""

    words: re.Pattern[str] | None
    paths: re.Pattern[str] | None
    components: re.Pattern[str] | None


class Vocabulary:
    """Private texts by how they are found: words anywhere, paths, and short names as path components only.

    `public` is text that everybody has (our sources, scenarios, locks). A name in it tells nothing, and replacing it
    would spoil that text, so it is replaced as a path component only, as names under five letters are.
    """

    def __init__(self, texts: Iterable[PrivateText], *, public: str = "") -> None:
        self.words: dict[str, PrivateText] = {}
        self.paths: list[str] = []
        self.components: dict[str, PrivateText] = {}
        self._public = public.lower()
        self._expressions: Expressions | None = None
        for text in texts:
            self.add(text)

    def add(self, private: PrivateText) -> None:
        """Add a text that must not leave."""
        text = private.text.strip()
        if not text:
            return
        lower = text.lower()
        if private.kind == "path":
            if len(text) >= MIN_NAME and "/" in text and not is_public(text) and text not in self.paths:
                self.paths.append(text)
        elif len(text) >= MIN_NAME and lower not in COMMON_WORDS and lower not in self._public:
            self.words.setdefault(lower, PrivateText(private.kind, text))
        else:
            self.components.setdefault(text, PrivateText(private.kind, text))
        self._expressions = None

    def add_home_users(self, text: str) -> None:
        """Add the user names in the home folders that `text` mentions."""
        for name in USER_OF_HOME.findall(text):
            self.add(PrivateText("user", name.rstrip(".")))

    def add_fields(self, data: Any, depth: int = 0) -> None:
        """Add the values of those fields of plain data that hold names or home folders."""
        if depth > MAX_DEPTH or not isinstance(data, (Mapping, list)):
            return
        for key, item in data.items() if isinstance(data, Mapping) else enumerate(data):
            kind = FIELD_KINDS.get(str(key).lower())
            if kind is not None and isinstance(item, str) and not item.startswith("<"):
                self.add(PrivateText(kind, item))
            self.add_fields(item, depth + 1)

    def find(self, text: str) -> PrivateText | None:
        """Return the private word or component that is written as `text`."""
        return self.words.get(text.lower()) or self.components.get(text)

    @property
    def expressions(self) -> Expressions:
        """Regular expressions of all texts, the longest first."""
        if self._expressions is None:
            self._expressions = Expressions(self._words(), self._paths(), self._components())
        return self._expressions

    def _words(self) -> re.Pattern[str] | None:
        words = _longest_first(private.text for private in self.words.values())
        forms = dict.fromkeys(form for word in words for form in written_forms(word))
        if not forms:
            return None
        hosts = [re.escape(private.text) for private in self.words.values() if private.kind == "host"]
        # The names before and after a known host belong to it: share.HOST, HOST.example.
        domains = [rf"(?:[\w-]+\.)*(?:{'|'.join(hosts)})(?:\.[A-Za-z][\w-]*)*"] if hosts else []
        return re.compile("|".join([*domains, *map(re.escape, forms)]), re.IGNORECASE)

    def _paths(self) -> re.Pattern[str] | None:
        if not self.paths:
            return None
        roots = "|".join(map(re.escape, _longest_first(self.paths)))
        return re.compile(rf"(?<![\w.])(?:{roots})(?![\w])(?:/{REST_OF_PATH})?")

    def _components(self) -> re.Pattern[str] | None:
        if not self.components:
            return None
        names = "|".join(map(re.escape, _longest_first(self.components)))
        return re.compile(rf"(?<=/)(?:{names})(?=[/\s\"':,)\]]|$)|(?<![\w@.-])(?:{names})(?=@\w)|(?<=\w@)(?:{names})\b")


def _longest_first(texts: Iterable[str]) -> list[str]:
    return sorted(texts, key=lambda text: (-len(text), text))


def written_forms(text: str) -> list[str]:
    """Return how a word can be written: as it is, percent-encoded, in HTML, in JSON, in a Python string."""
    in_json = msgspec.json.encode(text).decode()[1:-1]
    in_python = text.encode("unicode_escape").decode()
    return list(dict.fromkeys([text, quote(text), quote(text, safe=""), escape(text), in_json, in_python]))
