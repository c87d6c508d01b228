"""`repro delete`: move runs to the store's trash."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option


@click.command("delete")
@click.argument("run")
@store_option
@json_option
def command(run: str, store: Path | None, as_json: bool) -> None:
    """Move a run to the store's trash, from which it can be moved back. RUN: an id, a unique prefix, or `last`."""
    chosen = open_store(store)
    found = chosen.find(run)
    target = chosen.delete(found)
    if as_json:
        print_json({"format": FORMAT, "run": found.id, "moved_to": str(target)})
    else:
        echo_text(f"moved to {target}; undo: mv {shlex.quote(str(target))} {shlex.quote(str(chosen.path))}/")
