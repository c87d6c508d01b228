"""`repro schema`: the JSON Schema of scenario files."""

from __future__ import annotations

import click
import msgspec

from repro.cli.common import say
from repro.scenario.types import json_schema


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of scenario files, for editors."""
    say(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode())
