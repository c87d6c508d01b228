"""Looks for private text that redaction has left in a file, whatever its encoding."""

from __future__ import annotations

import base64
import re

from repro.bundle.redact import patterns
from repro.bundle.redact.vocabulary import Vocabulary, written_forms

_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


class LeakScanner:
    """Finds the texts of a vocabulary in bytes, and the shapes of secrets in text."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self._patterns: list[tuple[str, re.Pattern[bytes]]] = [
            *((private.kind, _in_any_encoding(private.text)) for private in vocabulary.words.values()),
            *(
                ("path", re.compile(rb"(?<![\w.])" + re.escape(path.encode()) + rb"(?!\w)"))
                for path in vocabulary.paths
            ),
        ]

    def find(self, name: str, data: bytes, *, is_text: bool = True) -> str | None:
        """Return the kind of the first private thing in a file or its name; None if there is none."""
        for kind, pattern in self._patterns:
            if pattern.search(data) or pattern.search(name.encode()):
                return kind
        return _shape_in(data.decode("utf-8", errors="replace")) if is_text else None


def _in_any_encoding(text: str) -> re.Pattern[bytes]:
    forms = {form.encode(encoding) for form in written_forms(text) for encoding in _ENCODINGS}
    forms |= {base64.b64encode(text.encode()).rstrip(b"="), text.encode().hex().encode()}
    longest_first = sorted(forms, key=lambda form: (-len(form), form))
    return re.compile(b"|".join(map(re.escape, longest_first)), re.IGNORECASE)


def _shape_in(text: str) -> str | None:
    if patterns.CREDENTIALS_IN_URL.search(text):
        return "URL with credentials"
    if any(not name.startswith("<") for name in patterns.USER_OF_HOME.findall(text)):
        return "home folder"
    return "token" if patterns.TOKEN.search(text) else None
