"""`repro record`: somebody's own program, recorded while it trains."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import click
import msgspec

from repro.base.decoding import convert
from repro.base.errors import InputError, ReproError, UnusableError
from repro.base.text import one_line
from repro.cli.common import echo_text, json_option, open_store, print_json, store_option
from repro.cli.environments import make_one
from repro.environment import definition
from repro.environment.definition import Environment
from repro.environment.record import IMAGE_FILE
from repro.recording import launch
from repro.recording.closing import close
from repro.recording.launch import Ended
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.recorder_mark import why_nothing
from repro.runs.run_json import run_json
from repro.runs.store import Store
from repro.scenario.types import Name


@click.command("record", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.argument("command_line", nargs=-1, type=click.UNPROCESSED, metavar="[--] COMMAND ARG...")
@click.option("--name", help="Name of the recordings.  [default: the script's]")
@click.option("--environment", metavar="E", help="Use this environment's python and variables.")
@click.option("--with-data", is_flag=True, help="Keep the samples that are measured (at most 512 of each set).")
@store_option
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    command_line: tuple[str, ...],
    name: str | None,
    environment: str | None,
    with_data: bool,
    store: Path | None,
    as_json: bool,
) -> None:
    """Run a command as it is typed and record each Keras model that it trains; not one bit of its figures changes.

    Afterwards each recording and its diagnosis is one line on standard error. Exit code: the command's own. With --json
    the recordings are on standard output, and what the command prints is on standard error.
    """
    if not command_line:
        raise InputError("no command is named", do="for example repro record python train.py")
    options = launch.Options(
        store=_writable(open_store(store)),
        name=_checked(name),
        environment=_environment(environment),
        with_data=with_data,
        stdout_to_stderr=as_json,
    )
    ended = launch.run(command_line, options)
    if options.store is not None:
        for run in _closed(ended, open_store(store)):
            if as_json:
                print_json(run_json(run))
            _say_headline(run)
        if not ended.mark.recordings:
            echo_text(f"repro: {why_nothing(ended.mark)}", err=True)
    ctx.exit(ended.end.exit_code or 0)


def _environment(name: str | None) -> Environment | None:
    """Return the environment that is named; in the container, which has no Keras of its own, the default one."""
    if name is None and IMAGE_FILE.is_file():
        name = definition.DEFAULT
    return None if name is None else make_one(name)


def _writable(store: Store) -> Path | None:
    """Return where recordings go; None, and one line, if nothing can be written there: the program runs anyway."""
    try:
        store.check_writable()
    except UnusableError as error:
        echo_text(f"repro: {error}: the program runs unrecorded", err=True)
        return None
    return store.path


def _checked(name: str | None) -> str | None:
    try:
        return None if name is None else convert(name, Name)
    except msgspec.ValidationError:
        what = f"--name: {one_line(name or '', 60)!r} is not a name"
        raise InputError(what, do="use small letters, digits and single hyphens, at most 60") from None


def _closed(ended: Ended, store: Store) -> Iterator[RunDirectory]:
    """Close the recordings that the command made and yield them; what cannot be closed is one line."""
    for run_id in ended.mark.recordings:
        run = RunDirectory(store.path / Path(run_id).name)
        if not run.path.is_dir():
            echo_text(f"repro: {one_line(run_id, 200)} is gone: the program deleted it or wrote it elsewhere", err=True)
            continue
        try:
            script_sha256 = run.named_record().scenario_sha256
            if script_sha256 in ended.scripts and not run.is_locked():
                with contextlib.suppress(OSError):  # without it the recording is only less complete
                    run.file(layout.SCRIPT).write_bytes(ended.scripts[script_sha256])
            close(run, ended.end)
        except ReproError as error:
            echo_text(f"repro: {run.id}: {error}", err=True)
            if run.is_locked():
                echo_text(f"repro: it still records; close it later: repro import {run.path}", err=True)
            continue
        yield run


def _say_headline(run: RunDirectory) -> None:
    from repro.explain.diagnosis import headline

    try:
        line = headline(run)
    except ReproError as error:
        line = str(error)
    echo_text(one_line(f"{run.id}  {line}", 2000), err=True)
