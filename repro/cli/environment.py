"""`repro environment`: list, new, remove, install, check, show, diff."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import click

from repro.base.errors import ExitCode, InputError, UnusableError
from repro.base.text import one_line
from repro.cli import environment_diff
from repro.cli.basics import FilePath
from repro.cli.common import FORMAT, echo_note, echo_text, json_option, print_json
from repro.cli.environments import make_one
from repro.environment import check, definition, made, use
from repro.environment.install import install
from repro.environment.named import is_list, named, split_names
from repro.environment.record import collect
from repro.environment.requirement_list import TENSORFLOW, parse
from repro.supervise.new_environment import make
from repro.supervise.probe import probe


@click.group("environment")
def command() -> None:
    """List, make, install, check, show and remove environments."""


@command.command("list")
@json_option
def list_environments(as_json: bool) -> None:
    """List the environments: whether they are installed, their size on the disk, and when they were last used."""
    made_here = [one for one in definition.made_environments().values() if one.is_installed()]
    rows = [_row(one) for one in (*definition.shipped_environments().values(), *made_here)]
    if as_json:
        print_json({"format": FORMAT, "environments": rows})
        return
    width = max(14, *(len(row["name"]) + 2 for row in rows))
    for row in rows:
        state = f"installed, Python {row['python_version']}" if row["installed"] else "not installed"
        if row["installed"]:
            state += f", {size_text(row['bytes'])} ({size_text(row['own_bytes'])} its own)"
            state += f", used {_day(row['last_use'])}"
        if row["cannot_train"]:
            state += f"; cannot train scenarios: {row['cannot_train']}"
        keras = f"Keras {row['keras']}" if row["keras"] else "tf.keras"
        echo_text(f"{row['name']:<{width}}{keras:<14} TensorFlow {row['tensorflow']:<8} {state}")


def _row(one: definition.Environment) -> dict[str, Any]:
    locked, version = one.locked_versions(), None
    if one.is_installed():
        with contextlib.suppress(UnusableError):
            version = check.installed(one)[0]
    size = use.size(one.prefix) if version is not None else None
    return {
        "name": one.name,
        "installed": version is not None,
        "python": None if version is None else str(one.python),
        "python_version": version,
        "keras": locked.get("tf-keras" if one.definition.variables.get("TF_USE_LEGACY_KERAS") else "keras"),
        "tensorflow": next((locked[name] for name in TENSORFLOW if name in locked), None),
        "requirements": one.definition.requirements or None,
        "cannot_train": one.definition.cannot_train or None,
        "bytes": None if size is None else size.total,
        "own_bytes": None if size is None else size.own,
        "last_use": None if version is None else use.last_use(one),
    }


def size_text(count: int) -> str:
    """Return a number of bytes as people read it."""
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count / (1 << 20):.0f} MiB"


def _day(stamp: float | None) -> str:
    return "never" if stamp is None else datetime.fromtimestamp(stamp, UTC).strftime("%Y-%m-%d")


@command.command("new")
@click.argument("requirements", nargs=-1, required=True, metavar="[NAME] REQUIREMENT...")
@click.option(
    "--python", metavar="X.Y", help="The minor version of Python.  [default: the newest here with all wheels]"
)
@click.option(
    "--as-of", metavar="DATE", help="What is not named is of this day.  [default: the latest named release's]"
)
@json_option
def new_environment(requirements: tuple[str, ...], python: str | None, as_of: str | None, as_json: bool) -> None:
    """Make an environment from a few requirements (keras==2.1.3), the rest as it was on that day.

    NAME is a name of your own for it beside the one that it gets from its versions.
    """
    own_name = None if is_list(requirements[0]) else requirements[0]
    wanted = parse(requirements if own_name is None else requirements[1:])
    if own_name is not None:
        made.check_name(own_name)
    one = make(wanted, python=_minor(python), as_of=_date(as_of), fresh=True, say=echo_note)
    if own_name is not None:
        made.call(one, own_name)
    if as_json:
        print_json({"format": FORMAT, **_row(one), "prefix": str(one.prefix), "lock_sha256": one.lock_sha256()})
        return
    echo_text(f"{one.name}: Python {one.definition.python}, installed in {one.prefix}")
    if one.definition.cannot_train:
        echo_text(f"it cannot train scenarios ({one.definition.cannot_train}); programs of your own run in it")


def _minor(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"3\.\d{1,2}", text):
        raise InputError(f"--python: {one_line(text, 40)!r} is not a minor version", do="give for example 3.6")
    return text


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"--as-of: {one_line(text or '', 40)!r} is not a date", do="give for example 2018-01-16"
        ) from None


@command.command("remove")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@json_option
def remove_environments(names: tuple[str, ...], as_json: bool) -> None:
    """Remove installations; one that a run uses is refused. `environment install` brings back the same packages."""
    rows = []
    for environment in [named(name) for name in split_names(names, "NAME")]:
        had = use.remove(environment)
        rows.append({"name": environment.name, "bytes": had.total, "own_bytes": had.own})
        if not as_json:
            echo_text(f"{environment.name}: removed, {size_text(had.own)} freed")
    if as_json:
        print_json({"format": FORMAT, "environments": rows})


@command.command("install")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--python", type=FilePath(), help="The interpreter to make it with.")
@click.option("--again", is_flag=True, help="Install anew even if it is there.")
@json_option
def install_environments(names: tuple[str, ...], python: Path | None, again: bool, as_json: bool) -> None:
    """Make environments from their hash locks."""
    rows = []
    for environment in [named(name) for name in split_names(names, "NAME")]:
        done = install(environment, python=python, again=again, say=lambda text: echo_text(f"repro: {text}", err=True))
        lines = check.drift(environment)
        if lines:
            raise UnusableError(
                f"{environment.name} differs from its lock after installation ({lines[0]})",
                do=f"try again: repro environment install {environment.name} --again",
            )
        rows.append({"name": environment.name, "installed": True, "changed": done, "prefix": str(environment.prefix)})
        if not as_json:
            echo_text(f"{environment.name}: {'installed in' if done else 'is there already:'} {environment.prefix}")
    if as_json:
        print_json({"format": FORMAT, "environments": rows})


@command.command("check")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@json_option
@click.pass_context
def check_environments(ctx: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """Compare what is installed with the lock; exit 3 where it differs."""
    chosen = [named(name) for name in split_names(names, "NAME")] or [
        one
        for one in (*definition.shipped_environments().values(), *definition.made_environments().values())
        if one.is_installed()
    ]
    if not chosen:
        raise UnusableError("no environment is installed", do=f"repro environment install {definition.DEFAULT}")
    rows: list[dict[str, Any]] = [{"name": one.name, "drift": check.drift(one)} for one in chosen]
    if as_json:
        print_json({"format": FORMAT, "environments": rows})
    else:
        for row in rows:
            echo_text(f"{row['name']}: {'as locked' if not row['drift'] else 'differs from its lock'}")
            for line in row["drift"]:
                echo_text(f"  {line}")
    if any(row["drift"] for row in rows):
        ctx.exit(int(ExitCode.UNUSABLE))


@command.command("show")
@click.argument("name", default=definition.DEFAULT)
@json_option
def show_environment(name: str, as_json: bool) -> None:
    """Print the environment record: packages, builds, CPU, threads, container; and what could not be had."""
    environment = make_one(name)
    record = collect(environment, probe(environment))
    if as_json:
        print_json(record)
        return
    _print_facts(record["facts"], "")
    for key, reason in record["missing"].items():
        echo_text(f"{key}: not collected: {reason}")


def _print_facts(facts: dict[str, Any], prefix: str) -> None:
    for key, value in facts.items():
        if isinstance(value, dict):
            _print_facts(value, f"{prefix}{key}.")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            echo_text(f"{prefix}{key}: {shown}")


command.add_command(environment_diff.command)
