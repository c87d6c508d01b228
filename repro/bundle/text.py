"""Values as text: every digit that makes them true, nothing that a terminal or a page would obey."""

from __future__ import annotations

import re
from typing import Any

from repro.errors import printable

MAX_CELL = 400


def cell(value: Any) -> str:
    """A value on one line, without control characters; numbers as Python writes them, so that none is rounded."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(cell(item) for item in value) + "]"
    else:
        text = str(value)
    return printable(text, MAX_CELL)


def markdown(text: str) -> str:
    """Text that Markdown takes as text: no table bars, no HTML, no links, no emphasis."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)


def code(text: str) -> str:
    """Text between backticks in Markdown."""
    return printable(text, 2000).replace("`", "'")
