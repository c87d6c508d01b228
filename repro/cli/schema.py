"""`repro schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import click
import msgspec

from repro.cli.common import echo_text, json_option
from repro.scenario.schema import json_schema


@click.command("schema")
@json_option
def command(as_json: bool) -> None:  # noqa: ARG001 (it is JSON either way)
    """Print the JSON Schema of scenario files, for editors."""
    echo_text(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode())
