"""`repro watch`: follow a run until it ends."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from repro.base.errors import ExitCode, InputError
from repro.cli.common import echo_text, json_option, open_store, print_json, store_option
from repro.cli.figures import run_text
from repro.cli.progress import show_progress
from repro.runs import layout
from repro.runs.directory import RunDirectory, follow
from repro.runs.ids import RECORDED
from repro.runs.run_json import run_json


@click.command("watch")
@click.argument("run")
@click.option("--plain", is_flag=True, help="Plain lines instead of a progress bar.")
@store_option
@json_option
@click.pass_context
def command(ctx: click.Context, run: str, plain: bool, store: Path | None, as_json: bool) -> None:
    """Follow a run until it ends; leaving (Ctrl+C) leaves it running. RUN: an id, a unique prefix, or `last`."""
    found = open_store(store).find(run)
    record = found.named_record()
    with show_progress(found, found.scenario(), record.environment, record.seed, plain=plain) as display:
        try:
            for event in follow(found):
                display(event)
        except msgspec.DecodeError as error:
            raise InputError(f"damaged ({error})", do="delete the run", file=found.file(layout.EVENTS)) from None
    shown = run_json(found)
    if as_json:
        print_json(shown)
    else:
        echo_text(run_text(shown))
    ctx.exit(exit_code(found))


def exit_code(run: RunDirectory) -> int:
    """What `repro run` would have ended with; a recording, which claims nothing, is done when it has finished."""
    result = run.result()
    if result is not None:
        has_held = result.verdict == "REPRODUCED" or result.environment == RECORDED
        return int(ExitCode.DONE if has_held else ExitCode.NOT_REPRODUCED)
    if run.record().environment == RECORDED:  # what its program exits with means something else
        return int(ExitCode.ENDED_EARLY)
    ended = run.progress().ended
    known = ended is not None and ended.exit_code in set(ExitCode) - {ExitCode.DONE}
    return ended.exit_code if ended is not None and known else int(ExitCode.ENDED_EARLY)
