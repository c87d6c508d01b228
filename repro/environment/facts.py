"""The facts of an environment record as a flat table of dotted keys."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

# A real record has some hundred facts; each is compared with some thirty patterns.
MAX_FACTS = 20_000
MAX_NAME = 200
# Facts that differ between any two runs and explain nothing.
VOLATILE = (
    r"(collected|probe_seconds|format)(\.|$)|(memory_available|uptime|load)"
    r"|variables\.(KERAS_HOME|LD_LIBRARY_PATH)$|cpu\.(mhz|bogomips)"
)


def flatten(facts: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Return nested facts as dotted keys; lists of plain values stay whole, other lists get [index].

    Names are cut at MAX_NAME characters; of more than MAX_FACTS facts MAX_FACTS + 1 are returned.
    """
    flat: dict[str, Any] = {}
    for key, value in facts.items():
        _flatten(value, f"{prefix}{key[:MAX_NAME]}", flat, depth)
    return flat


def _flatten(value: Any, key: str, flat: dict[str, Any], depth: int) -> None:
    if len(flat) > MAX_FACTS:
        return
    if depth > 20:
        flat[key] = "..."
    elif isinstance(value, Mapping):
        for name, item in value.items():
            _flatten(item, f"{key}.{name[:MAX_NAME]}", flat, depth + 1)
    elif isinstance(value, (list, tuple)) and any(isinstance(item, (Mapping, list, tuple)) for item in value):
        for index, item in enumerate(value):
            _flatten(item, f"{key}[{index}]", flat, depth + 1)
    else:
        flat[key] = list(value) if isinstance(value, tuple) else value


def facts_of(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record's facts as dotted keys, without those that explain nothing."""
    facts = record.get("facts", {})
    flat = flatten(facts) if isinstance(facts, Mapping) else {}
    return {key: value for key, value in flat.items() if not re.match(VOLATILE, key)}
