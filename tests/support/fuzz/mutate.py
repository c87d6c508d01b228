"""Changes valid files so that they stay files of their kind: most get past the parser, to the code that uses them.

Every choice is drawn from a `random.Random`: Hypothesis passes one that it can shrink, a fuzzer one over its bytes.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec.inspect as mi

T = TypeVar("T")

# What a terminal would obey: title, bell, colours, "hide", CSI as one character, overwriting, other writing direction.
ESCAPES = (
    "\x1b]0;owned\x07",
    "\x1b[2J\x1b[H",
    "\x1b[8mhidden",
    "\x9b31m",
    "\rrepro: all is well",
    "a\x08\x08b",
    "\x1bP+q\x1b\\",
    "\u202egnp.exe",
    "line\nrepro: a second line",
    "\u2028\u0085",
    "\x00",
)
STRINGS = (
    *ESCAPES,
    "",
    " ",
    "nan",
    "inf",
    "-inf",
    "../../etc/passwd",
    "/dev/zero",
    "[bold red]markup[/]",
    "{{7*7}}",
    "%s%n",
    "ä\u0301\U0001f600",
    "x" * 5000,
    "\ud800",
)
NUMBERS = (
    0, 1, -1, 2, 3, 7, 255, 2**31, 2**32, 2**53 + 1, 2**63, 2**64, -(2**63) - 1, 10**30,
    0.0, -0.0, 0.5, 1.0, 1e-320, 1e300, -1e300, 1.7976931348623157e308, 5e-324,
)  # fmt: skip
# Written into the text as they stand, where json.dumps would not write them.
RAW = ("1e999", "-1e999", "NaN", "Infinity", "9" * 400, "01", "'x'", '"\\ud800"', "[" * 400, "", "{}{}", "1.")
_RAW_MARK = "\ufdd0raw%d\ufdd0"


class BytesRandom(random.Random):
    """Draws from given bytes, then zeros."""

    def __init__(self, data: bytes) -> None:
        super().__init__(0)
        self._data = data
        self._at = 0

    def _take(self, count: int) -> int:
        part = self._data[self._at : self._at + count]
        self._at += count
        return int.from_bytes(part.ljust(count, b"\0"), "little")

    def getrandbits(self, k: int, /) -> int:
        return self._take(-(-k // 8)) & ((1 << k) - 1)

    def random(self) -> float:
        return self._take(4) / 2**32


def pick(draw: random.Random, values: Sequence[T]) -> T:
    """One of the values, by a single draw."""
    return values[draw.randint(0, len(values) - 1)]


def scalar(draw: random.Random) -> Any:
    """A value that some reader may not expect."""
    match draw.randint(0, 6):
        case 0 | 1:
            return pick(draw, STRINGS)
        case 2 | 3:
            return pick(draw, NUMBERS)
        case 4:
            return _RAW_MARK % draw.randint(0, len(RAW) - 1)
        case 5:
            return pick(draw, (None, True, False, [], {}, [[]], [None], {"": None}))
        case _:
            return nested(pick(draw, (2, 30, 500)))


def nested(depth: int) -> Any:
    """Lists and mappings within each other."""
    value: Any = 0
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


def change_tree(draw: random.Random, tree: Any, times: int = 0) -> Any:
    """A copy of JSON data with one to three places changed."""
    tree = json.loads(json.dumps(tree))
    for _ in range(times or draw.randint(1, 3)):
        tree = _change_once(draw, tree)
    return tree


def _change_once(draw: random.Random, tree: Any) -> Any:
    """Walk down to some place and change it."""
    holder: Any = None
    key: Any = None
    here = tree
    while isinstance(here, (dict, list)) and here and draw.randint(0, 5):
        holder = here
        key = pick(draw, list(here)) if isinstance(here, dict) else draw.randint(0, len(here) - 1)
        here = here[key]
    if holder is None:
        return tree if draw.randint(0, 20) else scalar(draw)
    match draw.randint(0, 9):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[pick(draw, STRINGS)] = holder.pop(key)
        case 2 if isinstance(here, list):
            holder[key] = here * pick(draw, (0, 2, 3, 50))
        case 3 if isinstance(here, list) and len(here) > 1:
            here.reverse()
        case 4 if isinstance(here, str) and here:
            at = draw.randint(0, len(here))
            holder[key] = here[:at] + pick(draw, STRINGS) + here[at + draw.randint(0, 3) :]
        case 5 if isinstance(here, (int, float)) and not isinstance(here, bool):
            holder[key] = pick(draw, (-here, here + 1, here * 2, here / 2, here * 1e300, str(here)))
        case 6:
            holder[key] = [here]
        case 7 if isinstance(holder, dict):
            holder[key] = holder[pick(draw, list(holder))]
        case _:
            holder[key] = scalar(draw)
    return tree


def dump(draw: random.Random, tree: Any) -> bytes:
    """JSON data as text, with what JSON does not know put in raw."""
    text = json.dumps(tree, ensure_ascii=bool(draw.randint(0, 1)))
    for index, raw in enumerate(RAW):
        text = text.replace(json.dumps(_RAW_MARK % index), raw).replace(f'"{_RAW_MARK % index}"', raw)
    return text.encode("utf-8", "surrogatepass")


def change_bytes(draw: random.Random, data: bytes) -> bytes:
    """Some bytes exchanged, taken out, put in, doubled or cut off."""
    content = bytearray(data)
    for _ in range(draw.randint(1, 4)):
        at = draw.randint(0, len(content))
        match draw.randint(0, 6):
            case 0:
                content[at : at + draw.randint(1, 8)] = b""
            case 1:
                content[at:at] = pick(draw, PIECES)
            case 2 if at < len(content):
                content[at] ^= 1 << draw.randint(0, 7)
            case 3 if at < len(content):
                content[at] = pick(draw, (0, 1, 0x7F, 0x80, 0xFF))
            case 4:
                content[at : at + 4] = draw.randint(0, 2**32 - 1).to_bytes(4, pick(draw, ("little", "big")))  # type: ignore[arg-type]
            case 5:
                content[at:at] = content[at : at + draw.randint(1, 64)]
            case _:
                del content[at:]
    return bytes(content)


PIECES = (
    b"\xff\xfe", b"\x00", b"\n", b": ", b"- ", b"&a [*a]", b"!!python/object:os.system ", b"? ", b"|\n", b"{", b"[",
    b"---\n", b"%YAML 1.1\n", b"<<: ", b"\xef\xbb\xbf", b"\xc2\x85", b"\xe2\x80\xa8", b"\x1b[2J", b"null", b"9" * 400,
    b"1e999", b"\t", b"#", b"'", b'"', b"\\x1b", b"\xed\xa0\x80",
)  # fmt: skip


def change_lines(draw: random.Random, lines: list[bytes]) -> list[bytes]:
    """Lines left out, doubled, exchanged, moved; most stay whole."""
    lines = list(lines)
    for _ in range(draw.randint(0, 3)):
        if not lines:
            break
        at, other = draw.randint(0, len(lines) - 1), draw.randint(0, len(lines) - 1)
        match draw.randint(0, 3):
            case 0:
                del lines[at]
            case 1:
                lines[at:at] = [lines[other]] * pick(draw, (1, 2, 30))
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case _:
                lines.insert(at, lines.pop(other))
    return lines


def invent(draw: random.Random, kind: Any) -> Any:
    """A value of a msgspec type (as `msgspec.inspect` tells it), its numbers, texts and lengths chosen to hurt."""
    match kind:
        case mi.IntType():
            return pick(draw, (0, 1, 2, 3, 5, 5, 10**9, 10**30, -1, -(10**9)))
        case mi.FloatType():
            return pick(draw, (0.0, 0.5, 1.0, 1.0, 1e308, -1e308, 5e-324, -1.0, 1e10))
        case mi.BoolType():
            return bool(draw.randint(0, 1))
        case mi.StrType():
            return pick(draw, STRINGS)
        case mi.NoneType():
            return None
        case mi.LiteralType():
            return pick(draw, kind.values)
        case mi.UnionType():
            return invent(draw, pick(draw, kind.types))
        case mi.ListType() | mi.CollectionType():
            return [invent(draw, kind.item_type) for _ in range(pick(draw, (0, 1, 2, 3, 3, 3, 12)))]
        case mi.DictType():
            return {pick(draw, STRINGS): scalar(draw) for _ in range(draw.randint(0, 3))}
        case mi.StructType():
            found = {
                field.encode_name: invent(draw, field.type)
                for field in kind.fields
                if field.required or draw.randint(0, 1)
            }
            return {kind.tag_field: kind.tag, **found} if kind.tag_field is not None else found
        case mi.Metadata():
            return invent(draw, kind.type)
        case _:
            return scalar(draw)
