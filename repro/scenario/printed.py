"""Numbers that a program printed, by the patterns of its scenario."""

from __future__ import annotations

import collections
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from repro.base.errors import InputError
from repro.base.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

# What counts is in the last part of the output.
TAIL_BYTES = 1024 * 1024
# One match takes linear time (RE2); all matches together may take the square of it.
SECONDS = 2.0
CHANGE_PATTERN = "change the pattern"


def compiled(pattern: str) -> Any:
    """Return an RE2 pattern with one group; InputError if it is none."""
    # The library takes 10 ms; most commands read no script scenario.
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        expression = re2.compile(pattern, options=options)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        raise InputError(f"not a pattern of RE2 ({one_line(text, 100)})", do="see the syntax of RE2") from None
    if expression.groups != 1:
        raise InputError(f"has {expression.groups} groups", do="put one ( ) around the number, others as (?: )")
    return expression


def find(patterns: Mapping[str, str], output: bytes) -> tuple[dict[str, float], dict[str, str]]:
    """Return what each pattern's last match says, and for those that say nothing the reason.

    Only the last TAIL_BYTES of `output` count.
    """
    text = output[-TAIL_BYTES:].decode("utf-8", "replace")
    numbers: dict[str, float] = {}
    reasons: dict[str, str] = {}
    for name, pattern in patterns.items():
        try:
            numbers[name] = _number(compiled(pattern), text)
        except InputError as error:
            reasons[name] = error.what
    return numbers, reasons


def _number(expression: Any, text: str) -> float:
    last = collections.deque(_in_time(expression.finditer(text)), maxlen=1)
    if not last:
        raise InputError("no match in the last 1 MiB of the output", do=CHANGE_PATTERN)
    word = last[0][1]
    try:
        return float(word if word is not None else "")
    except ValueError:
        raise InputError(f"the match {one_line(repr(word), 60)} is not a number", do=CHANGE_PATTERN) from None


def _in_time(matches: Iterator[Any]) -> Iterator[Any]:
    end = time.monotonic() + SECONDS
    for match in matches:
        if time.monotonic() > end:
            raise InputError(
                f"its matches take longer than {SECONDS:.0f} s: make the pattern stricter", do=CHANGE_PATTERN
            )
        yield match
