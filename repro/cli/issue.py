"""`repro issue`: the text of a bug report for a run."""

from __future__ import annotations

from pathlib import Path

import click

from repro.bundle import issue_text
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.runs.view import RunView


@click.command("issue")
@click.argument("run", metavar="RUN")
@click.option(
    "--for",
    "tracker",
    type=click.Choice(["keras", "tensorflow", "stackoverflow"]),
    default="keras",
    show_default=True,
    help="Whose fields to fill in.",
)
@store_option
@json_option
def command(run: str, tracker: str, store: Path | None, as_json: bool) -> None:
    """Print a text ready to paste into a tracker: fields, figures, a standalone script, the line that reproduces it."""
    evidence = RunView(open_store(store).find(run))
    found = issue_text.write(evidence, next(name for name in issue_text.TRACKERS if name == tracker))
    if as_json:
        print_json(
            {
                "format": FORMAT,
                "run": evidence.id,
                "for": found.tracker,
                "characters": len(found.text),
                "text": found.text,
                "script": found.script,
            }
        )
    else:
        echo_text(found.text, nl=False)
