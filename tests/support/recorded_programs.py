"""Builds the recorder's folder once, and runs programs with and without it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repro.environment import definition
from repro.recorder import single_file
from tests.support.paths import PROGRAMS

# Times that Keras prints, and what TensorFlow's C++ logs.
TIMES = re.compile(r"\d+[mu]?s(/step|/epoch)?|\d+\.\d+(e-\d+)?s/step")
LOGGED = re.compile(r"^(I0000|W0000|E0000|WARNING: All log messages|\d{4}-\d\d-\d\d )")


@dataclass
class Outcome:
    """What a program left behind."""

    code: int
    output: str
    errors: str
    store: Path

    @property
    def recordings(self) -> list[Path]:
        """The recordings, in the order in which they were begun."""
        return sorted(self.store.glob("2*"))

    def events(self, number: int = 0) -> list[dict[str, Any]]:
        """The events of one recording."""
        lines = (self.recordings[number] / "events.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]


def select(events: list[dict[str, Any]], name: str, **fields: object) -> list[dict[str, Any]]:
    """Events of a name whose fields have these values."""
    return [
        event
        for event in events
        if event["event"] == name and all(event.get(key) == value for key, value in fields.items())
    ]


def only(events: list[dict[str, Any]], name: str, **fields: object) -> dict[str, Any]:
    """The one event of a name whose fields have these values."""
    chosen = select(events, name, **fields)
    assert len(chosen) == 1, (name, fields, len(chosen))
    return chosen[0]


@pytest.fixture(scope="session")
def hook_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH that holds the recorder."""
    folder = tmp_path_factory.mktemp("recorder")
    single_file.write_hook_folder(folder)
    return folder


@pytest.fixture
def run_program(hook_folder: Path, tmp_path: Path) -> Callable[..., Outcome]:
    """A function that runs a program of this folder in an environment, with the recorder or without it."""

    def run(
        program: str | Path,
        *arguments: str,
        environment: str = "keras-3",
        recorded: bool = True,
        store: Path | None = None,
        **variables: str,
    ) -> Outcome:
        chosen = definition.get(environment)
        store = store or tmp_path / "store"
        path = PROGRAMS / "recorded" / program if isinstance(program, str) else program
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
            "PYTHONHASHSEED": "0",
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        environ |= variables
        if recorded:
            environ |= {"PYTHONPATH": str(hook_folder), "REPRO_RECORD_STORE": str(store)}
        done = subprocess.run(
            [chosen.python, path, *arguments],
            env=environ,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        return Outcome(done.returncode, TIMES.sub("TIME", done.stdout), _plain(done.stderr), store)

    return run


def _plain(text: str) -> str:
    kept = "".join(line for line in text.splitlines(keepends=True) if not LOGGED.match(line))
    return re.sub(r"pid=\d+", "pid", kept)
