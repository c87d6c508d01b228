"""`repro list`: the shipped scenarios."""

from __future__ import annotations

from pathlib import Path

import click

from repro.base.errors import InputError
from repro.cli.common import FORMAT, echo_text, json_option, open_store, print_json, store_option
from repro.cli.figures import coloured
from repro.environment import definition
from repro.scenario.load import load, shipped_files


def latest_verdicts(store_path: Path | None) -> dict[str, dict[str, str]]:
    """Scenario to environment to the verdict of its latest finished run."""
    found: dict[str, dict[str, str]] = {}
    for run in open_store(store_path).runs():
        try:
            result = run.result()
        except InputError:
            continue
        if result is not None and result.verdict is not None:
            found.setdefault(result.scenario, {})[result.environment] = result.verdict
    return found


@click.command("list")
@store_option
@json_option
def command(store: Path | None, as_json: bool) -> None:
    """List the scenarios and their latest verdicts in the store."""
    verdicts = latest_verdicts(store)
    scenarios = [load(file, environments=definition.names()).scenario for file in shipped_files()]
    groups = ["report", "verification", "remedy", "control"]
    scenarios.sort(key=lambda scenario: groups.index(scenario.group))
    if as_json:
        rows = [
            {"name": one.name, "title": one.title, "group": one.group, "verdicts": verdicts.get(one.name, {})}
            for one in scenarios
        ]
        print_json({"format": FORMAT, "scenarios": rows})
        return
    width = max(len(one.name) for one in scenarios)
    for one in scenarios:
        echo_text(f"{click.style(one.name.ljust(width), bold=True)}  {one.title}")
        for environment, verdict in verdicts.get(one.name, {}).items():
            echo_text(f"{'':{width}}  {environment}: {coloured(verdict)}")
