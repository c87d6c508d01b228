"""Text that is safe to show, and values as text that stays true."""

from __future__ import annotations

import math
import os
import random
import struct
from typing import Any

import pytest

from repro.base import text

CONTROL = ["\x1b[31m", "\x9b2J", "\n", "\r", "\t", "\x00", "\x7f", "\u202e", "\u2028", "\U000e0001", "\ud800"]
# Values at which a rounding could say 0, 1 or 100 %.
EDGES = [
    *(0.0, 1.0, -1.0, 0.5, 1 / 3, 5e-324, 1e-9, 1e-5, 0.00004999, 0.005, 0.00049, 0.9951, 0.99951, 0.999951),
    *(math.nextafter(1.0, 0.0), math.nextafter(1.0, 2.0), 1 - 1e-9, 1 + 1e-9, 0.99999, 10.745396614074707),
]


def floats(count: int) -> list[float]:
    """Finite doubles of every size, from random bits."""
    random_bits = random.Random(5)
    values = (struct.unpack("<d", random_bits.randbytes(8))[0] for _ in range(count))
    return [value for value in values if math.isfinite(value)]


@pytest.mark.parametrize("character", CONTROL)
def test_no_control_character_gets_through(character: str) -> None:
    assert text.escape_control(f"a{character}b").isprintable()
    assert text.one_line(f"a{character}b").isprintable()
    assert text.exact([f"a{character}b"]).isprintable()
    assert text.code(f"a{character}`b").isprintable()


def test_only_the_kept_characters_stay() -> None:
    assert text.escape_control("a\n\tb\x1b", keep="\n\t") == "a\n\tb\ufffd"
    assert text.escape_control("a\n\tb", keep="\n") == "a\n\ufffdb"
    assert text.escape_control("a\n\tb") == "a\ufffd\ufffdb"
    assert text.escape_control("café ✓") == "café ✓"


def test_a_line_is_cut_and_shows_it() -> None:
    assert text.one_line("a\x1b[31m\nb\x07") == "a\ufffd[31m\ufffdb\ufffd"
    assert text.one_line("x" * 500) == "x" * 199 + "\u2026"
    assert text.one_line("x" * 200) == "x" * 200
    assert text.one_line(ValueError("no"), 10) == "no"


def test_every_text_fits_into_utf_8() -> None:
    name = os.fsdecode("caf\u00e9".encode() + b"\xff")
    assert text.to_utf8("caf\u00e9 \u2713") == "caf\u00e9 \u2713"
    assert text.to_utf8(name).encode("utf-8").startswith(b"caf")
    assert text.to_utf8("\ud800").encode("utf-8") == b"\\ud800"


def test_strings_of_plain_data_are_changed_wherever_they_are() -> None:
    data: dict[str, Any] = {"a\n": ["b", 1, None, ("c", {"d": 2.5})]}
    assert text.map_strings(data, str.upper) == {"A\n": ["B", 1, None, ["C", {"D": 2.5}]]}
    assert data == {"a\n": ["b", 1, None, ("c", {"d": 2.5})]}


def test_exact_and_compact_keep_every_digit() -> None:
    for value in [*EDGES, *floats(2000)]:
        assert float(text.exact(value)) == value
        assert float(text.compact(value)) == value


@pytest.mark.parametrize(
    ("value", "exact", "compact"),
    [
        *((None, "-", "-"), (1.0, "1.0", "1"), (7, "7", "7"), (0.9999999, "0.9999999", "0.9999999")),
        *(("nan", "nan", "nan"), (True, "yes", "True"), (1e-7, "1e-07", "1e-07"), ([1, 0.5], "[1, 0.5]", "[1, 0.5]")),
    ],
)
def test_exact_values(value: Any, exact: str, compact: str) -> None:
    assert text.exact(value) == exact
    assert text.compact(value) == compact


def test_a_long_value_is_cut_unless_all_of_it_is_asked_for() -> None:
    assert len(text.exact("x" * 1000)) == text.MAX_EXACT
    assert text.exact("x" * 1000, limit=None) == "x" * 1000


@pytest.mark.parametrize("digits", [3, 4, 6])
def test_a_number_is_rounded_to_0_or_1_only_if_it_is_that(digits: int) -> None:
    for value in [*EDGES, *floats(2000)]:
        shown = float(text.rounded(value, digits))
        assert shown == value or shown not in (0.0, 1.0, -1.0)
        assert math.isclose(shown, value, rel_tol=0.5 * 10 ** (1 - digits))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((1.0, "1"), (0.9999999, "0.9999999"), (0.9999999999999999, "0.9999999999999999"), (1e-9, "1e-09")),
        *((1.00000001, "1.00000001"), (10.745396614074707, "10.75"), ("nan", "nan"), ("inf", "inf"), (None, "-")),
        *((7, "7"), (True, "True"), ("0.25", "0.25"), ("relu\n", "relu\ufffd")),
    ],
)
def test_rounded_values(value: object, shown: str) -> None:
    assert text.rounded(value) == shown


@pytest.mark.parametrize("places", [2, 3, 4])
def test_a_share_is_rounded_to_0_or_1_only_if_it_is_that(places: int) -> None:
    for value in (value for value in EDGES if 0 <= value <= 1):
        shown = text.share(value, places)
        if shown.startswith("<"):
            assert float(shown[1:]) == 1.0 > value
        else:
            assert (float(shown) in (0.0, 1.0)) == (value in (0.0, 1.0))
            assert abs(float(shown) - value) <= 0.5 * 10**-places


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        *((1.0, "1.0000"), (0.0, "0.0000"), (0.99999, "<1.0000"), (1.00001, ">1.0000"), (1e-9, "1.0e-09")),
        *((0.3333333, "0.3333"), ("nan", "nan"), ("inf", "inf"), (None, "-"), (12.5, "12.5000")),
    ],
)
def test_shares(value: object, shown: str) -> None:
    assert text.share(value) == shown


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        *((0.9509900498999999, "95.1 %"), (1.0, "100 %"), (0.99999, "99.999 %"), (0.0, "0 %"), ("nan", "nan %")),
        *((0.9996, "99.96 %"), (4.3171247e-05, "0.00432 %"), (math.nextafter(1.0, 0.0), "99.99999999999999 %")),
    ],
)
def test_a_percentage_is_0_or_100_only_if_it_is_that(share: object, shown: str) -> None:
    assert text.percent(share) == shown


@pytest.mark.parametrize(
    ("seconds", "shown", "brief"),
    [
        *((0.123, "0.1 s", "0.12 s"), (5.04, "5.0 s", "5.0 s"), (12.34, "12.3 s", "12 s"), (60, "1 min 00 s", None)),
        *((245.4, "4 min 05 s", None), (7620, "2 h 07 min", None), (3599.7, "1 h 00 min", None)),
    ],
)
def test_durations(seconds: float, shown: str, brief: str | None) -> None:
    assert text.duration(seconds) == shown
    assert text.duration(seconds, brief=True) == (brief or shown)
