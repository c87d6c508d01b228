"""`repro compare`: runs and bundles side by side."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

import click

from repro.base.errors import ExitCode, InputError
from repro.bundle.run_arguments import open_runs
from repro.cli.common import echo_text, open_store, print_json, store_option
from repro.explain import compare


@click.command("compare")
@click.argument("runs", nargs=-1, metavar="RUN|BUNDLE...")
@click.option("--all-rows", is_flag=True, help="Also what is the same.")
@click.option(
    "--format", "kind", type=click.Choice(["table", "markdown", "csv", "json"]), default="table", show_default=True
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@store_option
@click.pass_context
def command(
    ctx: click.Context, runs: tuple[str, ...], all_rows: bool, kind: str, as_json: bool, store: Path | None
) -> None:
    """Compare runs: settings, figures, claims, times, environment. Exit 1 when verdicts differ.

    RUN is an id, a unique prefix or `last`; an argument with a / or ending in .zip is a bundle, with all its runs.
    """
    with contextlib.ExitStack() as stack:
        found = open_runs(runs, open_store(store), stack)
        if len(found) < 2:
            raise InputError(
                "one run is not enough to compare" if found else "no run is named",
                do="name two or more (repro runs lists them)",
            )
        table = compare.compare(found)
        if as_json or kind == "json":
            print_json(compare.as_json(table, all_rows=all_rows))
        elif kind == "markdown":
            echo_text(compare.as_markdown(table, all_rows=all_rows))
        elif kind == "csv":
            echo_text(compare.as_csv(table, all_rows=all_rows))
        else:
            width = max(80, shutil.get_terminal_size((120, 24)).columns)
            echo_text(compare.as_text(table, all_rows=all_rows, width=width))
    ctx.exit(ExitCode.DONE if table.same_verdicts else ExitCode.NOT_REPRODUCED)
