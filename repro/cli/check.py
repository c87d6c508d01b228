"""`repro check`: validate scenario files and their images without training."""

from __future__ import annotations

from pathlib import Path

import click

from repro.base.errors import ExitCode, InputError
from repro.base.text import one_line
from repro.cli.basics import images_options
from repro.cli.common import FORMAT, echo_text, json_option, print_json
from repro.environment import definition
from repro.environment.requirements import require_application_anywhere
from repro.scenario import images as scenario_images
from repro.scenario import load as scenario_load
from repro.scenario import own_model, script_files
from repro.scenario.script_types import ScriptScenario


@click.command("check")
@click.argument("scenarios", nargs=-1, required=True, metavar="FILE|NAME...")
@images_options
@json_option
@click.pass_context
def command(
    ctx: click.Context, scenarios: tuple[str, ...], images: Path | None, convert: str | None, as_json: bool
) -> None:
    """Check scenario files, their images and programs without running anything; every fault with its line."""
    rows = []
    for argument in scenarios:
        error, notes = None, []
        try:
            one = scenario_load.load(scenario_load.find(argument), environments=definition.names())
            notes = _checked(one, images, convert)
        except InputError as fault:
            error = str(fault)
        rows.append({"file": one_line(argument, 4096), "valid": error is None, "error": error, "notes": notes})
        if error is not None:
            echo_text(f"repro: {one_line(error, 2000)}", err=True)
        elif not as_json:
            echo_text("\n".join([f"{one_line(argument, 4096)}: valid", *(f"  note: {note}" for note in notes)]))
    if as_json:
        print_json({"format": FORMAT, "files": rows})
    if any(not row["valid"] for row in rows):
        ctx.exit(int(ExitCode.BAD_INPUT))


def _checked(loaded: scenario_load.Loaded, images: Path | None, convert: str | None) -> list[str]:
    """Read what a scenario needs beside its file and return notes on it; InputError where something is wrong."""
    if isinstance(loaded.scenario, ScriptScenario):
        script_files.read(loaded)
        return []
    own_model.read(loaded)
    with loaded.faults_at("model", "application"):
        require_application_anywhere(loaded.scenario)
    return scenario_images.load_for(loaded, folder=images, convert=convert).notes
