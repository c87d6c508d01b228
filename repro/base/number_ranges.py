"""Lists and ranges of whole numbers, as seeds and epochs are typed: `0`, `0,1,2` or `0:3`."""

from __future__ import annotations

from collections.abc import Sequence

from repro.base.errors import InputError
from repro.base.text import one_line

MAX_NUMBER = 2**31 - 1
MAX_RANGE = 10_000


def split_list(values: Sequence[str], option: str) -> list[str]:
    """Return the entries of repeated options and comma lists, each value once; InputError if there is none."""
    parts = [part.strip() for value in values for part in value.split(",")]
    entries = list(dict.fromkeys(part for part in parts if part))
    if values and not entries:
        raise InputError(f"{option}: nothing is named", do="give at least one")
    return entries


def parse_numbers(values: Sequence[str], option: str) -> list[int]:
    """Return the numbers of repeated options, comma lists and ranges A:B, which leave B out.

    InputError, which names `option`, for what is not a number from 0 to 2147483647 or a range of at most 10000.
    """
    numbers: list[int] = []
    for text in split_list(values, option):
        first, colon, last = text.partition(":")
        try:
            start, stop = int(first), int(last) if colon else int(first) + 1
        except ValueError:
            raise InputError(
                f"{option}: {one_line(text, 40)!r} is not a whole number", do="give 0, 0,1,2 or 0:3"
            ) from None
        if not (0 <= start < stop <= MAX_NUMBER + 1 and stop - start <= MAX_RANGE):
            what = f"{option}: {one_line(text, 40)!r} is out of range"
            raise InputError(what, do=f"give 0 to {MAX_NUMBER}, or A:B with A below B and {MAX_RANGE} apart at most")
        numbers += range(start, stop)
    return list(dict.fromkeys(numbers))


def format_numbers(numbers: Sequence[int]) -> list[str]:
    """Return numbers as arguments that `parse_numbers` reads: one range if three or more follow each other."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[-1] + 1)):
        return [f"{numbers[0]}:{numbers[-1] + 1}"]
    return [str(number) for number in numbers]
