"""Text that is safe to show, and values as text that stays true.

`escape_control` and `one_line` let nothing through that a terminal, an editor or a page would obey. `exact` and
`compact` keep every digit; `rounded`, `share` and `percent` are short, but never turn into 0 or 1 what is neither.
"""

from __future__ import annotations

import itertools
import math
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

MAX_LINE = 200
MAX_EXACT = 400
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


# --- safe text ---


def escape_control(text: str, keep: str = "") -> str:
    """Replace every character that is not printable, except those in `keep`, by U+FFFD."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else REPLACEMENT for c in text)


def one_line(value: object, limit: int = MAX_LINE) -> str:
    """Return `value` as one line of at most `limit` characters, without control characters."""
    line = escape_control(str(value))
    return line if len(line) <= limit else line[: limit - 1] + ELLIPSIS


def to_utf8(text: str) -> str:
    """Return `text` without surrogates, so that UTF-8 can hold it.

    A file name is decoded as UTF-8 whatever the locale; bytes that are not UTF-8 become escapes.
    """
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        return text.encode("utf-8", "backslashreplace").decode()


def map_strings(data: Any, function: Callable[[str], str]) -> Any:
    """Apply `function` to every string and key of plain data; tuples become lists."""
    if isinstance(data, str):
        return function(data)
    if isinstance(data, dict):
        return {map_strings(key, function): map_strings(value, function) for key, value in data.items()}
    if isinstance(data, (list, tuple)):
        return [map_strings(item, function) for item in data]
    return data


def markdown(text: str) -> str:
    """Escape `text` for Markdown: no table bars, HTML, links or emphasis."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", text)


def code(text: str) -> str:
    """Make `text` fit between backticks in Markdown."""
    return one_line(text, 2000).replace("`", "'")


# --- values with every digit ---


def exact(value: Any, *, limit: int | None = MAX_EXACT) -> str:
    """Return a value on one line of at most `limit` characters, with numbers as Python writes them."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(exact(item, limit=limit) for item in value) + "]"
    else:
        text = str(value)
    return one_line(text, len(text) if limit is None else limit)


def exact_row(values: Sequence[Any]) -> list[str]:
    """Return the values of one row; if they agree for long, only from shortly before their first difference."""
    texts = [exact(value, limit=None) for value in values]
    columns = zip(*texts, strict=False)
    common = sum(1 for _ in itertools.takewhile(lambda column: len(set(column)) == 1, columns))
    if common >= MAX_EXACT // 2 and len(set(texts)) > 1:
        texts = [ELLIPSIS + text[common - 40 :] for text in texts]
    return [one_line(text, MAX_EXACT) for text in texts]


def compact(number: object) -> str:
    """Return a number with as few digits as keep it exact: 1 for 1.0."""
    if number is None:
        return "-"
    if not isinstance(number, float):
        return str(number)
    short = f"{number:.6g}"
    return short if float(short) == number else repr(number)


# --- rounded values ---


def rounded(value: object, digits: int = 4) -> str:
    """Return a number with `digits` significant digits, or as many as keep it from becoming 0, 1 or -1."""
    if value is None:
        return "-"
    if isinstance(value, bool | int):
        return str(value)
    try:
        number = float(str(value))
    except ValueError:
        return one_line(value, 30)
    return _rounded_beside(number, digits, (0.0, 1.0, -1.0))


def share(value: object, places: int = 4) -> str:
    """Return a share of one with `places` decimals; one that rounds to 0 or 1 as `1.0e-09`, `<1.0000` or `>1.0000`."""
    if value is None:
        return "-"
    number = float(str(value))
    if not math.isfinite(number):
        return str(number)
    short = f"{number:.{places}f}"
    if float(short) not in (0.0, 1.0) or float(short) == number:
        return short
    if abs(number) < 0.5:
        return f"{number:.1e}"
    return f"{'<' if number < 1 else '>'}{1:.{places}f}"


def percent(share: object) -> str:
    """Return a share of one in percent with three digits, or as many as keep it from becoming 0 or 100 %."""
    return f"{_rounded_beside(float(str(share)) * 100, 3, (0.0, 100.0))} %"


def _rounded_beside(number: float, digits: int, limits: Sequence[float]) -> str:
    """Return `number` with at least `digits` significant digits, as one of `limits` only if it is that."""
    for precision in range(digits, 18):
        short = f"{number:.{precision}g}"
        if float(short) == number or float(short) not in limits:
            return short
    return repr(number)


def duration(seconds: float, *, brief: bool = False) -> str:
    """Return seconds as `12.3 s`, `4 min 05 s` or `2 h 07 min`; `brief`: in two digits below a minute."""
    if seconds < 60:
        if brief and not 1 <= seconds < 10:
            return f"{seconds:.2g} s" if seconds < 1 else f"{seconds:.0f} s"
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"


def three_digits(value: object) -> str:
    """Return a number with three significant digits, in at most nine characters."""
    number = float(str(value))
    return f"{number:.3g}" if abs(number) < 1e5 else f"{number:.1e}"
