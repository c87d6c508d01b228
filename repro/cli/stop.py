"""`repro stop`: stop a run, keeping a checkpoint."""

from __future__ import annotations

import time
from pathlib import Path

import click

from repro.base.errors import EndedEarlyError, InputError
from repro.cli.common import echo_text, json_option, open_store, print_json, store_option
from repro.runs.run_json import run_json
from repro.supervise.supervisor import STOP_GRACE_SECONDS


@click.command("stop")
@click.argument("run")
@store_option
@json_option
def command(run: str, store: Path | None, as_json: bool) -> None:
    """Stop a run; it keeps a checkpoint after its epoch. RUN: an id, a unique prefix, or `last`."""
    found = open_store(store).find(run)
    state = found.state()
    if state not in ("running", "elsewhere"):
        raise InputError(f"the run {found.id} is {state}", do="only a running one can be stopped")
    found.request_stop()
    deadline = time.monotonic() + STOP_GRACE_SECONDS + 10
    while found.is_locked() and time.monotonic() < deadline:
        time.sleep(0.1)
    while (state := found.state()) in ("running", "elsewhere") and time.monotonic() < deadline:
        time.sleep(1.0)
    if state in ("running", "elsewhere"):
        raise EndedEarlyError(f"the run {found.id} has not ended yet", do="it was asked to; watch it, or ask again")
    if as_json:
        print_json(run_json(found))
    else:
        end = "" if state == "finished" else f"; go on with: repro resume {found.id.rpartition('-')[2]}"
        echo_text(f"{found.id}: {state}{end}")
