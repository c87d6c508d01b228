"""Says in words what a type allows at a place in its data: what a fault in a file tells its author to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

_PLAIN = {"string": "text", "boolean": "true or false", "array": "a list", "object": "a mapping"}
_NUMBERS = {"integer": "a whole number", "number": "a number"}


def allowed(type_: type, path: tuple[str | int, ...]) -> str:
    """`give a whole number from 1 to 4096`, `choose from adam, sgd`; empty where nothing can be said."""
    schema = msgspec.json.schema(type_)
    places = [schema]
    for step in path:
        places = [found for place in places for one in _variants(schema, place) for found in _inside(one, step)]
    leaves = [one for place in places for one in _variants(schema, place)]
    choices = [str(choice) for one in leaves for choice in one.get("enum", [one["const"]] if "const" in one else [])]
    words = list(dict.fromkeys(filter(None, map(_words, leaves))))
    if len(choices) == 1 and not words:
        return f"give {choices[0]}"
    if choices:
        return " or ".join([f"choose from {', '.join(choices)}", *words])
    return f"give {' or '.join(words)}" if words else ""


def _variants(schema: dict[str, Any], place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The place itself, or each of the kinds that it may be."""
    if "$ref" in place:
        yield from _variants(schema, schema["$defs"][place["$ref"].rpartition("/")[2]])
    elif "anyOf" in place:
        for one in place["anyOf"]:
            yield from _variants(schema, one)
    else:
        yield place


def _inside(place: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    if isinstance(step, str):
        if step in place.get("properties", {}):
            yield place["properties"][step]
    elif step < len(place.get("prefixItems", [])):
        yield place["prefixItems"][step]
    elif isinstance(place.get("items"), dict):
        yield place["items"]


def _words(one: dict[str, Any]) -> str:
    """One kind of value; null is left out, since a key that may be null may be left out."""
    kind = one.get("type", "")
    if "enum" in one or "const" in one:
        return ""
    if kind == "array" and one.get("minItems") is not None and one.get("minItems") == one.get("maxItems"):
        return f"a list of {one['minItems']}"
    if kind == "string" and "pattern" in one and "description" in one:
        return f"text ({one['description'].rstrip('.')})"
    return _number(_NUMBERS[kind], one) if kind in _NUMBERS else _PLAIN.get(kind, "")


def _number(words: str, one: dict[str, Any]) -> str:
    bounds = [
        f"{name} {one[key]:g}" if one[key] < 1e6 else f"{name} {one[key]:,}"
        for key, name in (
            ("exclusiveMinimum", "above"),
            ("minimum", "from"),
            ("exclusiveMaximum", "below"),
            ("maximum", "to"),
        )
        if key in one
    ]
    return " ".join([words, *bounds])
