"""`docker` as the tests run it, and one service to run commands in."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests.support import machine
from tests.support.paths import ROOT

PREPARE = Path(machine.VARIABLES.get("REPRO_PREPARE", ROOT.parent / "shared" / "container" / "prepare"))
IMAGE = "repro:cpu"
# Any uid must do: root hands its folders to one that is nobody's; others cannot, and use their own.
UID = 12345 if os.getuid() == 0 else os.getuid()
GID = 12345 if os.getuid() == 0 else os.getgid()
T = TypeVar("T")


def client_variables(**changed: str) -> dict[str, str]:
    """Return the variables of a Docker client: the user's, whose home holds its settings, but none of ours."""
    users = {name: value for name, value in machine.VARIABLES.items() if not name.startswith("REPRO_")}
    return {**users, "REPRO_UID": str(UID), "REPRO_GID": str(GID), **changed}


def docker(*arguments: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
    """One `docker` command from the repository; with `check` an error shows what it said."""
    variables = client_variables(**options.pop("env", {}))
    done = subprocess.run(
        ["docker", *arguments],
        cwd=ROOT,
        env=variables,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )
    if check and done.returncode != 0:
        pytest.fail(
            f"docker {' '.join(arguments)}: exit {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        )
    return done


def wait_for(look: Callable[[], T | None], what: str, seconds: float) -> T:
    """What `look` finds, as soon as it finds something."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.1)
    pytest.fail(f"no {what} within {seconds} s")


class Service:
    """`docker compose run repro ...` on one store."""

    def __init__(self, store: Path) -> None:
        self.store = store
        self.variables = {"REPRO_STORE": str(store)}

    def run(self, *command: str, check: bool = True, **options: Any) -> subprocess.CompletedProcess[str]:
        """One command in a container of its own; stdout is what it prints."""
        extra = options.pop("options", ())
        return docker("compose", "run", "--rm", *extra, "repro", *command, check=check, env=self.variables, **options)

    def json(self, *command: str, **options: Any) -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*command, "--json", **options).stdout)

    def start(self, name: str, *command: str, options: tuple[str, ...] = ()) -> None:
        """One command in a named container in the background."""
        docker("compose", "run", "-d", "--name", name, *options, "repro", *command, env=self.variables)

    def runs(self) -> list[Path]:
        """The run directories, oldest first."""
        return sorted(path for path in self.store.iterdir() if path.is_dir() and not path.name.startswith("."))

    def events(self) -> list[dict[str, Any]]:
        """The whole lines of the newest run's events."""
        if not self.runs() or not (file := self.runs()[-1] / "events.jsonl").exists():
            return []
        return [json.loads(line) for line in file.read_text().splitlines(keepends=True) if line.endswith("\n")]
