"""Values as text: every digit that makes them true, nothing that a terminal or a page would obey."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

from repro.base.errors import printable

MAX_CELL = 400


def cell(value: Any, *, whole: bool = False) -> str:
    """A value on one line, without control characters; numbers as Python writes them, so that none is rounded.

    `whole`: however long it is.
    """
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(cell(item, whole=whole) for item in value) + "]"
    else:
        text = str(value)
    return printable(text, len(text) if whole else MAX_CELL)


def cells(values: Sequence[Any]) -> list[str]:
    """Values of one row; where they are too long, from shortly before their first difference on."""
    found = [cell(value, whole=True) for value in values]
    columns = zip(*found, strict=False)
    same = sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, columns))
    if same >= MAX_CELL // 2 and len(set(found)) > 1:
        found = ["\N{HORIZONTAL ELLIPSIS}" + text[same - 40 :] for text in found]
    return [printable(text, MAX_CELL) for text in found]


def markdown(text: str) -> str:
    """Text that Markdown takes as text: no table bars, no HTML, no links, no emphasis."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)


def code(text: str) -> str:
    """Text between backticks in Markdown."""
    return printable(text, 2000).replace("`", "'")
