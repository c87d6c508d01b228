"""`repro environment`: list, install, check, show, diff."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import click

from repro.base.errors import ExitCode, UnusableError
from repro.base.number_ranges import split_list
from repro.cli import environment_diff
from repro.cli.basics import FilePath
from repro.cli.common import FORMAT, echo_text, json_option, print_json
from repro.environment import check, definition
from repro.environment.install import install
from repro.environment.record import collect
from repro.supervise.probe import probe


@click.group("environment")
def command() -> None:
    """List, install, check and show environments."""


@command.command("list")
@json_option
def list_environments(as_json: bool) -> None:
    """List the environments and whether they are installed."""
    rows = []
    for name, one in definition.shipped_environments().items():
        locked = one.locked_versions()
        version = None
        if one.is_installed():
            with contextlib.suppress(UnusableError):
                version = check.installed(one)[0]
        rows.append(
            {
                "name": name,
                "installed": version is not None,
                "python": None if version is None else str(one.python),
                "python_version": version,
                "keras": locked.get("tf-keras" if one.definition.variables.get("TF_USE_LEGACY_KERAS") else "keras"),
                "tensorflow": locked.get("tensorflow", locked.get("tensorflow-cpu")),
            }
        )
    if as_json:
        print_json({"format": FORMAT, "environments": rows})
        return
    for row in rows:
        state = f"installed, Python {row['python_version']}" if row["installed"] else "not installed"
        echo_text(f"{row['name']:<14}Keras {row['keras']:<8} TensorFlow {row['tensorflow']:<8} {state}")


@command.command("install")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@click.option("--python", type=FilePath(), help="The interpreter to make it with.")
@click.option("--again", is_flag=True, help="Install anew even if it is there.")
@json_option
def install_environments(names: tuple[str, ...], python: Path | None, again: bool, as_json: bool) -> None:
    """Make environments from their hash locks."""
    rows = []
    for environment in [definition.get(name) for name in split_list(names, "NAME")]:
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
    chosen = [definition.get(name) for name in split_list(names, "NAME")] or [
        one for one in definition.shipped_environments().values() if one.is_installed()
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
    environment = definition.get(name)
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
