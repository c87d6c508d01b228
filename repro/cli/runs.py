"""`repro runs`: the runs in the store."""

from __future__ import annotations

from pathlib import Path

import click

from repro.base.text import duration
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.cli.figures import coloured, outcome
from repro.runs.run_json import run_json


@click.command("runs")
@store_option
@json_option
def command(store: Path | None, as_json: bool) -> None:
    """List the runs in the store, oldest first."""
    found = [run_json(run, with_measurements=False) for run in open_store(store).runs()]
    if as_json:
        print_json({"format": FORMAT, "runs": found})
        return
    if not found:
        echo_text("no runs yet: start one with `repro run original-bug`", err=True)
        return
    lines = []
    width = max(len(one["run"]) for one in found)
    for one in found:
        name = one["run"].ljust(width)
        if one["state"] == "damaged":
            lines.append(f"{name}  {coloured('damaged')}")
            continue
        word = coloured(outcome(one), 14)
        extra = duration(one["seconds"]["total"]) if "total" in one["seconds"] else ""
        if one["state"] != "finished":
            extra = f"epoch {one['epoch']} of {one['epochs']}"
        lines.append(f"{name}  {word}  {extra}{'  degraded' if one['degraded'] else ''}")
    echo_text("\n".join(lines))
