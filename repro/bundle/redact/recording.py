"""What the events of a recording tell about somebody's data: the names of its inputs, columns and labels."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from repro.bundle.redact.private import Kind
from repro.bundle.redact.vocabulary import MAX_DEPTH

# What arrays without a name are called, and labels that are numbers.
_TELLS_NOTHING = re.compile(r"(x|y|sample_weights?|-?\d{1,6}(\.\d{1,6})?|<[a-z]+-\d+>)?\Z")
# Fields that hold the name of an input as a whole, or as the first part of a path.
_NAME_FIELDS = frozenset({"name", "names", "path", "layer", "variable"})
_FIELDS_KEYED_BY_LABEL = frozenset({"counts", "class_weight"})


def private_names(events: bytes) -> dict[str, Kind]:
    """Return the names that events.jsonl gives to inputs, columns and labels; lines that are damaged have none."""
    names: dict[str, Kind] = {}
    for line in events.split(b"\n"):
        try:
            event = msgspec.json.decode(line) if line.strip() else None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if isinstance(event, dict):
            for kind, name in _names_of_event(event):
                if isinstance(name, str) and not _TELLS_NOTHING.match(name):
                    names.setdefault(name, kind)
    return names


def _names_of_event(event: Mapping[str, Any]) -> Iterator[tuple[Kind, Any]]:
    for field in ("data", "validation"):
        data = event.get(field)
        if isinstance(data, dict):
            for facts in (*_dicts(data.get("inputs")), *_dicts(data.get("targets"))):
                yield "input", facts.get("name")
                yield from (("column", column.get("name")) for column in _dicts(facts.get("columns")))
                labels = facts.get("labels")
                counts = labels.get("counts") if isinstance(labels, dict) else None
                yield from (("label", name) for name in (counts if isinstance(counts, dict) else ()))


def _dicts(values: Any) -> list[dict[str, Any]]:
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def renamed(events: bytes, names: Mapping[str, Kind], alias: Callable[[Kind, str], str]) -> bytes:
    """Return events.jsonl with `alias(kind, name)` in the place of each name; lines without one stay as they are."""
    lines = []
    for line in events.split(b"\n"):
        event = msgspec.json.decode(line) if line.strip() else None
        changed = _renamed(event, names, alias, "", 0)
        lines.append(line if changed == event else msgspec.json.encode(changed))
    return b"\n".join(lines)


def _renamed(value: Any, names: Mapping[str, Kind], alias: Callable[[Kind, str], str], field: str, depth: int) -> Any:
    if depth > MAX_DEPTH:
        return value
    if isinstance(value, str):
        first, slash, rest = value.partition("/")
        if field not in _NAME_FIELDS:
            return value
        if value in names:
            return alias(names[value], value)
        return f"{alias(names[first], first)}{slash}{rest}" if first in names else value
    if isinstance(value, list):
        return [_renamed(item, names, alias, field, depth + 1) for item in value]
    if not isinstance(value, dict):
        return value
    by_label = field in _FIELDS_KEYED_BY_LABEL
    return {
        alias(names[key], key) if by_label and key in names else key: _renamed(item, names, alias, key, depth + 1)
        for key, item in value.items()
    }
