"""`repro show`: one run."""

from __future__ import annotations

from pathlib import Path

import click

from repro.base.errors import InputError
from repro.cli.common import json_option, open_store, print_json, run_object, say, store_option
from repro.runs.directory import RunDirectory


@click.command("show")
@click.argument("name", metavar="RUN")
@store_option
@json_option
def command(name: str, store: Path | None, as_json: bool) -> None:
    """Show one run: verdict, claims, figures. RUN: an id, a unique prefix, or `last`."""
    from repro.cli.figures import run_text

    run = open_store(store).find(name)
    found = run_object(run)
    if as_json:
        print_json(found)
    else:
        say("\n".join([run_text(found), *_network(run)]))


def _network(run: RunDirectory) -> list[str]:
    """The line with the network that was trained, once it was built."""
    from repro.runs.view import Evidence

    try:
        words = Evidence(run).network
    except InputError:
        return []
    return [] if words is None else [f"  network         {words}"]
