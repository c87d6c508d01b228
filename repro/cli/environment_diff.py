"""`repro environment diff`: what differs between two runs, bundles or environments, and which of it can matter."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from repro.base.difference import DifferenceRow
from repro.base.errors import InputError
from repro.base.text import exact, one_line
from repro.bundle.run_arguments import is_bundle, open_runs
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.cli.environments import make_one
from repro.environment import definition, diff
from repro.environment.named import is_list
from repro.environment.record import collect
from repro.supervise.probe import probe


@click.command("diff")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--all-rows", is_flag=True, help="Also what is the same.")
@store_option
@json_option
def command(first: str, second: str, all_rows: bool, store: Path | None, as_json: bool) -> None:
    """What differs between the environments of A and B, the likeliest explanation of a changed figure first.

    A and B are environments, runs, or bundles (with a / or ending in .zip). An environment is probed here and now.
    """
    with contextlib.ExitStack() as stack:
        records = [_record(argument, store, stack) for argument in (first, second)]
    rows = diff.rows(records) if all_rows else diff.differences(records)
    if as_json:
        print_json({"format": FORMAT, "sides": [first, second], "rows": [row.explanation() for row in rows]})
    else:
        echo_text(_text(rows, first, second))


def _record(argument: str, store: Path | None, stack: contextlib.ExitStack) -> dict[str, Any]:
    if is_list(argument) or definition.find(argument) is not None:
        environment = make_one(argument)
        return collect(environment, probe(environment))
    try:
        runs = open_runs([argument], open_store(store), stack)
    except InputError as error:
        if is_bundle(argument):
            raise
        what = f"no environment is called {one_line(argument, 60)!r}, and {error.what}"
        raise InputError(what, do=f"choose from {', '.join(definition.names())}, or name a run") from None
    if len(runs) != 1:
        raise InputError(f"holds {len(runs)} runs", do="export the one you mean", file=argument)
    return runs[0].facts_record


def _text(rows: list[DifferenceRow], first: str, second: str) -> str:
    if not rows:
        return "nothing that is recorded differs"
    lines = []
    for group, why, source in dict.fromkeys((row.group, row.why, row.source) for row in rows):
        lines.append(f"{click.style(group, bold=True)}: {why} ({source})")
        for row in rows:
            if (row.group, row.why) == (group, why):
                lines.append(f"  {one_line(row.name)}")
                lines += [
                    f"    {one_line(name)}: {exact(value)}"
                    for name, value in zip((first, second), row.values, strict=True)
                ]
    return "\n".join(lines)
