"""Numbers as short text that is never rounded into a lie."""

from __future__ import annotations

import math

from repro.base.errors import printable


def number(value: object) -> str:
    """A number short, but never rounded into a lie: 0.9999999 does not become 1."""
    if value is None:
        return "-"
    if isinstance(value, bool | int):
        return str(value)
    if not isinstance(value, float):
        try:
            value = float(str(value))
        except ValueError:
            return printable(str(value), 30)
    if not math.isfinite(value):
        return str(value)
    short = f"{value:.4g}"
    if value == float(short):
        return short
    for digits in range(4, 18):
        short = f"{value:.{digits}g}"
        if float(short) not in (0.0, 1.0, -1.0):
            return short
    return repr(value)


def share(value: object) -> str:
    """A share of one with four places, never rounded to 0 or 1 unless it is exactly that."""
    if value is None:
        return "-"
    number_ = float(str(value))
    if not math.isfinite(number_):
        return str(number_)
    shown = f"{number_:.4f}"
    if float(shown) in (0.0, 1.0) and number_ != float(shown):
        return f"{number_:.1e}" if abs(number_) < 0.5 else ("<1.0000" if number_ < 1 else ">1.0000")
    return shown


def three_digits(value: object) -> str:
    """A number with three significant digits, in at most nine characters."""
    number_ = float(str(value))
    return f"{number_:.3g}" if abs(number_) < 1e5 else f"{number_:.1e}"
