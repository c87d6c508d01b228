"""Says in words what a type allows at a point of its data, so that an error can tell an author what to write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

_PLAIN = {"string": "text", "boolean": "true or false", "array": "a list", "object": "a mapping"}
_NUMBERS = {"integer": "a whole number", "number": "a number"}


def allowed(type_: type, path: tuple[str | int, ...]) -> str:
    """Return what to write at `path`: `give a whole number from 1 to 4096`, `choose from adam, sgd`; "" if unknown."""
    schema = msgspec.json.schema(type_)
    schemas = [schema]
    for step in path:
        schemas = [
            part
            for schema_part in schemas
            for variant in _variants(schema, schema_part)
            for part in _inside(variant, step)
        ]
    variants = [variant for schema_part in schemas for variant in _variants(schema, schema_part)]
    choices = [
        str(choice)
        for variant in variants
        for choice in variant.get("enum", [variant["const"]] if "const" in variant else [])
    ]
    kinds = list(dict.fromkeys(filter(None, map(_kind_in_words, variants))))
    if len(choices) == 1 and not kinds:
        return f"give {choices[0]}"
    if choices:
        return " or ".join([f"choose from {', '.join(choices)}", *kinds])
    return f"give {' or '.join(kinds)}" if kinds else ""


def _variants(schema: dict[str, Any], part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the part itself, or each of the kinds that it may be."""
    if "$ref" in part:
        yield from _variants(schema, schema["$defs"][part["$ref"].rpartition("/")[2]])
    elif "anyOf" in part:
        for variant in part["anyOf"]:
            yield from _variants(schema, variant)
    else:
        yield part


def _inside(part: dict[str, Any], step: str | int) -> Iterator[dict[str, Any]]:
    if isinstance(step, str):
        if step in part.get("properties", {}):
            yield part["properties"][step]
    elif step < len(part.get("prefixItems", [])):
        yield part["prefixItems"][step]
    elif isinstance(part.get("items"), dict):
        yield part["items"]


def _kind_in_words(part: dict[str, Any]) -> str:
    """Return one kind of value in words; "" for null, since a key that may be null may be left out."""
    kind = part.get("type", "")
    if "enum" in part or "const" in part:
        return ""
    if kind == "array" and part.get("minItems") is not None and part.get("minItems") == part.get("maxItems"):
        return f"a list of {part['minItems']}"
    if kind == "string" and "pattern" in part and "description" in part:
        return f"text ({part['description'].rstrip('.')})"
    return _number(_NUMBERS[kind], part) if kind in _NUMBERS else _PLAIN.get(kind, "")


def _number(name: str, part: dict[str, Any]) -> str:
    bounds = [
        f"{bound_name} {part[key]:g}" if part[key] < 1e6 else f"{bound_name} {part[key]:,}"
        for key, bound_name in (
            ("exclusiveMinimum", "above"),
            ("minimum", "from"),
            ("exclusiveMaximum", "below"),
            ("maximum", "to"),
        )
        if key in part
    ]
    return " ".join([name, *bounds])
