"""`repro resume`: go on with a run from its last checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click

from repro.base.errors import InputError, UnusableError
from repro.cli.common import echo_text, json_option, open_store, print_json, store_option
from repro.cli.progress import show_progress
from repro.cli.run import in_background, print_run, refuse_detach_in_container, say_why
from repro.environment import check, definition
from repro.environment.requirements import require_gpu
from repro.runs.checkpoint_interval import checkpoint_seconds
from repro.runs.directory import RunDirectory
from repro.runs.records import RunRecord
from repro.runs.run_json import run_json
from repro.scenario.script_types import AnyScenario
from repro.supervise.supervisor import supervise

# State of a run with which nobody can go on, and what to do.
_NOT_RESUMABLE = {
    "running": "watch it, or stop it first",
    "finished": "nothing is left to do",
    "elsewhere": "stop it where it runs",
    "damaged": "start it anew",
}


@click.command("resume")
@click.argument("run")
@click.option("--allow-drift", is_flag=True, help="Go on although the packages differ from before; recorded.")
@click.option("--detach", is_flag=True, help="Go on in the background.")
@click.option("--plain", is_flag=True, help="Plain lines instead of a progress bar.")
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, run: str, allow_drift: bool, detach: bool, plain: bool, store: Path | None, as_json: bool
) -> None:
    """Go on with an interrupted, stopped or failed run. RUN: an id, a unique prefix, or `last`."""
    if detach:
        refuse_detach_in_container()
    chosen = open_store(store)
    found = chosen.find(run)
    record, scenario, environment = _resumable(found, allow_drift)
    chosen.check_writable()
    lock = found.acquire()
    if found.has_result():  # somebody else went on with it in the meantime
        lock.close()
        raise InputError(f"the run {found.id} is finished", do=_NOT_RESUMABLE["finished"])
    if detach:

        def work(say: Callable[[str], None]) -> int:
            say(f"run {found.id}")
            return int(supervise(found, lock, record, scenario, environment))

        in_background(work, chosen)
        lock.close()
        if as_json:
            print_json(run_json(found, with_measurements=False))
        else:
            echo_text(found.id)
        return
    with show_progress(
        found, scenario, record.environment, record.seed, plain=plain, before=found.progress()
    ) as display:
        code = supervise(found, lock, record, scenario, environment, display)
    say_why(found, display.progress)
    print_run(found, as_json=as_json)
    ctx.exit(int(code))


def _resumable(run: RunDirectory, allow_drift: bool) -> tuple[RunRecord, AnyScenario, definition.Environment]:
    """What is needed to go on; a fault that says why it cannot be."""
    checkpoint_seconds()
    state = run.state()
    if state in _NOT_RESUMABLE:
        raise InputError(f"the run {run.id} is {state}", do=_NOT_RESUMABLE[state])
    record = run.record()
    environment = definition.get(record.environment)
    if record.device == "gpu":
        require_gpu(environment, run=run.id, instead="go on where it began")
    lines = check.drift(environment)
    if environment.lock_sha256() != record.lock_sha256:
        lines.append("the lock file is another one than when the run began")
    if lines and not allow_drift:
        raise UnusableError(
            f"the environment {environment.name} is not the one the run began in ({lines[0]})",
            do="--allow-drift goes on all the same and records it",
        )
    return record, run.require_any_scenario(), environment
