"""`repro import`: recordings from elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from repro.base.text import one_line
from repro.cli.basics import FilePath
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.explain.diagnosis import headline
from repro.recording.intake import take_in
from repro.runs.run_json import run_json


@click.command("import")
@click.argument("source", type=FilePath(), metavar="DIR|FILE")
@store_option
@json_option
def command(source: Path, store: Path | None, as_json: bool) -> None:
    """Copy recordings that a recorder made elsewhere into the store, and close them.

    DIR: a folder repro-recordings, or one recording in it. FILE: a zip of one of these, or a bundle. All is checked
    first: names, sizes, every record and event. What is in the store already is left as it is.
    """
    taken = take_in(source, open_store(store))
    if as_json:
        rows = [run_json(one.run, with_measurements=False) | {"new": one.is_new} for one in taken]
        print_json({"format": FORMAT, "runs": rows})
        return
    for one in taken:
        note = "" if one.is_new else "already there: "
        echo_text(one_line(f"{one.run.id}  {note}{headline(one.run)}", 2000))
