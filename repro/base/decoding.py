"""Decode into types from several threads.

msgspec 0.22 describes a Struct the first time that it decodes one, and a second thread that decodes the same type at
that moment reads half a description: the process ends by a segmentation fault. Every type is described under one lock
here, before it is used.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

T = TypeVar("T")

_lock = threading.Lock()
_decoders: dict[Any, msgspec.json.Decoder[Any]] = {}


def json_decoder(type_: Any) -> msgspec.json.Decoder[Any]:
    """Return the decoder of a type or union, the same one at every call."""
    decoder = _decoders.get(type_)
    if decoder is None:
        with _lock:
            decoder = _decoders[type_] = msgspec.json.Decoder(type_)
    return decoder


def decode_json(raw: bytes | str, type_: type[T]) -> T:
    """Decode JSON as `type_`; msgspec.DecodeError or UnicodeDecodeError if it is not."""
    decoded: T = json_decoder(type_).decode(raw)
    return decoded


def convert(data: Any, type_: type[T]) -> T:
    """Convert plain data to `type_` without coercion; msgspec.ValidationError if it does not fit."""
    json_decoder(type_)
    return msgspec.convert(data, type_, strict=True)
