"""Replaces private text by aliases in text and plain data, and remembers what was replaced where."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from repro.base.errors import InputError
from repro.bundle.redact import patterns
from repro.bundle.redact.aliases import Aliases, Replacement
from repro.bundle.redact.paths import is_public, split_private
from repro.bundle.redact.private import FIELD_KINDS, Kind, PrivateText
from repro.bundle.redact.vocabulary import MAX_DEPTH, Vocabulary

MAX_REMEMBERED = 400


class Redactor:
    """Replaces private text; all files of an export share one, so that an alias means the same in all of them."""

    def __init__(self, texts: Iterable[PrivateText], *, public: str = "") -> None:
        self.vocabulary = Vocabulary(texts, public=public)
        self._aliases = Aliases()
        self._file = ""
        # Events repeat the same short strings thousands of times.
        self._clean: set[str] = set()
        self._clean_for: object = None

    @property
    def replacements(self) -> list[Replacement]:
        """What was replaced in which file, without the originals."""
        return self._aliases.replacements

    def alias(self, kind: Kind, text: str, file: str) -> str:
        """Return the alias of a text that is private wherever it is written; letters of both cases are the same."""
        return self._aliases.use(kind, text.lower(), file)

    def count_arguments(self, before: Sequence[str], after: Sequence[str], file: str) -> None:
        """Count the arguments of a command line that were replaced by their place."""
        for word, alias in zip(before, after, strict=True):
            if word != alias:
                self._aliases.count("argument", alias.rpartition("=")[2], file)

    # --- text and plain data ---

    def text(self, text: str, file: str) -> str:
        """Return `text`, which is part of `file`, with aliases."""
        expressions = self.vocabulary.expressions
        if self._clean_for is not expressions:
            self._clean_for = expressions
            self._clean.clear()
        if text in self._clean:
            return text
        self._file = file
        original = text
        if expressions.paths is not None:
            text = expressions.paths.sub(lambda match: self._path(match[0]), text)
        text = patterns.URL.sub(self._url, text)
        text = patterns.TOKEN.sub(self._alias_of("token"), text)
        text = patterns.NAMED_TOKEN.sub(self._named_token, text)
        text = patterns.QUOTED_PATH.sub(lambda match: match[1] + self._path(match[2]) + match[1], text)
        text = patterns.PATH.sub(self._unquoted_path, text)
        for path in (patterns.NETWORK_PATH, patterns.HOME_PATH, patterns.WINDOWS_PATH):
            text = path.sub(lambda match: self._path(match[0]), text)
        text = patterns.EMAIL.sub(self._alias_of("email"), text)
        text = patterns.MAC.sub(lambda match: self._alias("address", match[0].lower()), text)
        text = patterns.IPV4.sub(self._address, text)
        text = patterns.IPV6.sub(self._address, text)
        for names in (expressions.words, expressions.components):
            if names is not None:
                text = names.sub(lambda match: self._name(match[0]), text)
        if text == original and len(text) < MAX_REMEMBERED:
            self._clean.add(text)
        return text

    def value(self, value: Any, file: str, key: str = "", depth: int = 0) -> Any:
        """Return plain data with aliases in every string and key."""
        if depth > MAX_DEPTH:
            return "..."
        if isinstance(value, str):
            return self._string(value, file, key)
        if isinstance(value, Mapping):
            return {
                self.text(str(name), file): self.value(item, file, str(name), depth + 1) for name, item in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.value(item, file, key, depth + 1) for item in value]
        return value

    def _string(self, value: str, file: str, key: str) -> str:
        self._file = file
        kind = FIELD_KINDS.get(key.lower())
        if kind is not None and value:
            return self._alias(kind, value if kind == "path" else value.lower())
        if value.startswith("/") and "\n" not in value and not is_public(value):
            return self.text(self._path(value), file)
        return self.text(value, file)

    # --- whole files ---

    def json(self, raw: bytes, file: str) -> bytes:
        """Return a JSON file with aliases; the very same bytes if nothing had to be replaced."""
        data = _decode(raw, "not JSON", file)
        cleaned = self.value(data, file)
        return raw if cleaned == data else msgspec.json.format(msgspec.json.encode(cleaned), indent=1) + b"\n"

    def json_lines(self, raw: bytes, file: str) -> bytes:
        """Return a file of JSON lines with aliases; lines in which nothing had to be replaced stay as they are."""
        return b"\n".join(self._json_line(line, file) if line.strip() else line for line in raw.split(b"\n"))

    def _json_line(self, line: bytes, file: str) -> bytes:
        data = _decode(line, "a line is not JSON", file)
        cleaned = self.value(data, file)
        return line if cleaned == data else msgspec.json.encode(cleaned)

    def plain_text(self, raw: bytes, file: str) -> bytes:
        """Return a text file with aliases; the very same bytes if nothing had to be replaced."""
        text = raw.decode("utf-8", errors="replace")
        cleaned = self.text(text, file)
        return raw if cleaned == text else cleaned.encode()

    # --- single matches ---

    def _alias(self, kind: str, text: str) -> str:
        return self._aliases.use(kind, text, self._file)

    def _alias_of(self, kind: str) -> Callable[[re.Match[str]], str]:
        return lambda match: self._alias(kind, match[0])

    def _path(self, path: str) -> str:
        private, public = split_private(path)
        return (self._alias("path", private) if private else "") + public

    def _unquoted_path(self, match: re.Match[str]) -> str:
        path = match[0].rstrip(".!")
        return self._path(path) + match[0][len(path) :]

    def _url(self, match: re.Match[str]) -> str:
        scheme, rest = match[1], match[2]
        if scheme.lower() == "file":
            return self._alias("path", rest)
        authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
        host = authority.rpartition("@")[2].partition(":")[0].lower().rstrip(".,)")
        is_public_host = any(host == name or host.endswith("." + name) for name in patterns.PUBLIC_HOSTS)
        if "@" in authority or not is_public_host or patterns.SECRET_PARAMETER.search(rest):
            return self._alias("url", match[0])
        return match[0]

    def _named_token(self, match: re.Match[str]) -> str:
        name, token = (match[1], match[2]) if match[1] is not None else (match[3], match[4])
        return name + self._alias("token", token)

    def _address(self, match: re.Match[str]) -> str:
        try:
            address = ipaddress.ip_address(match[0].partition("%")[0])
        except ValueError:
            return match[0]
        if address.is_loopback or address.is_unspecified:
            return match[0]
        return self._alias("address", str(address))

    def _name(self, text: str) -> str:
        private = self.vocabulary.find(text)
        if private is None:
            return self._alias("name", text.lower())
        return self._alias(private.kind, private.text if private.kind == "secret" else private.text.lower())


def _decode(raw: bytes, fault: str, file: str) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError(f"damaged ({fault})", do="delete the run", file=file) from None
