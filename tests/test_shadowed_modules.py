"""Files in the user's folder that are called as modules are: no process of ours imports them."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import pytest

from repro.environment import check, definition, install, made
from repro.environment.requirement_list import parse
from repro.environment.resolve import resolve
from repro.queue import tickets
from repro.runs.directory import RunDirectory
from repro.sweep import process
from tests.support import index_of_test
from tests.support.releases_index import MINOR

MODULES = ("json", "random", "tempfile", "venv", "pip", "ctypes", "click", "numpy")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with modules that end whoever imports one; nothing of keras-3 is installed."""
    folder = tmp_path / "here"
    folder.mkdir()
    for name in MODULES:
        (folder / f"{name}.py").write_text("raise SystemExit('the file in the working directory was imported')\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "environments"))
    return folder


def test_what_is_installed_is_asked(here: Path) -> None:
    environment = definition.get("keras-3")
    environment.python.parent.mkdir(parents=True)
    environment.python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    environment.python.chmod(0o755)
    (environment.prefix / definition.MARKER).write_text("{}")
    assert check.installed(environment)[0] == ".".join(map(str, sys.version_info[:3]))


def test_an_environment_is_made(here: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = parse(["keras==2.1.2"])
    with index_of_test.served(tmp_path, monkeypatch):
        environment = made.keep(asked, resolve(asked, python=MINOR))
        assert install.install(environment, say=lambda _: None)
    assert check.drift(environment) == []


def test_a_run_of_a_sweep_is_supervised(here: Path, tmp_path: Path) -> None:
    with process.start(RunDirectory(tmp_path / "no-such-run"), signal.SIGTERM) as child:
        _, said = child.communicate(timeout=60)
    assert process.reason(said) == "no run is called 'no-such-run': `repro runs` lists them"


def test_the_queue_runs_a_command(here: Path, tmp_path: Path) -> None:
    ticket = tickets.add(tmp_path, "a", "keras-3", 0, ["run", "no-such-scenario"])
    assert "no scenario is called 'no-such-scenario'" in tickets.run(tmp_path, ticket)


def test_a_relative_folder_of_environments(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers start in a folder of their own, where it would mean another one."""
    monkeypatch.setenv("REPRO_ENVIRONMENTS", "mine")
    assert definition.get("keras-3").python == here / "mine" / "keras-3" / "bin" / "python"
