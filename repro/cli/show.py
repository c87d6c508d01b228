"""`repro show`: one run."""

from __future__ import annotations

from pathlib import Path

import click

from repro.cli.common import json_option, open_store, print_json, run_object, say, store_option


@click.command("show")
@click.argument("run")
@store_option
@json_option
def command(run: str, store: Path | None, as_json: bool) -> None:
    """Show one run: verdict, claims, figures. RUN: an id, a unique prefix, or `last`."""
    from repro.cli.figures import run_text

    found = run_object(open_store(store).find(run))
    if as_json:
        print_json(found)
    else:
        say(run_text(found))
