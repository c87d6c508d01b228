"""The JSON Schema of scenario files of both formats, for editors."""

from __future__ import annotations

from typing import Any

import msgspec

from repro.scenario.script_types import SCRIPT_FORMAT, ScriptScenario
from repro.scenario.types import Scenario


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a scenario file; its `format` chooses which."""
    types = (Scenario, ScriptScenario)
    (images, script), definitions = msgspec.json.schema_components(types, ref_template="#/$defs/{name}")
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "repro scenario",
        "if": {"properties": {"format": {"const": SCRIPT_FORMAT}}, "required": ["format"]},
        "then": script,
        "else": images,
        "$defs": definitions,
    }
