"""Fixtures of all tests: a scenario and a store, the command line, installations and workers that are scripts.

A folder's conftest.py replaces what is otherwise there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from repro.bundle import export
from repro.supervise import worker_process
from tests.support import command_line
from tests.support.command_line import Answer
from tests.support.disks import mounted
from tests.support.installations import link_interpreter
from tests.support.runs.copied import make_run
from tests.support.runs.planned import create
from tests.support.scenario_files import SCENARIO, write_scenario
from tests.support.stage import Stage
from tests.support.stand_in_worker import PRELUDE
from tests.support.standby import warming
from tests.support.sweeps import StandIn

__all__ = ["warming"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the runs; it does not exist yet."""
    folder = tmp_path / "store"
    monkeypatch.setenv("REPRO_STORE", str(folder))
    return folder


@pytest.fixture
def repro(store: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """The command line on the store, in this process."""
    monkeypatch.setenv("REPRO_STORE", str(store))
    return partial(command_line.run_here, capfd)


@pytest.fixture
def repro_process(store: Path) -> Callable[..., Answer]:
    """The command line on the store, in a process of its own."""
    return partial(command_line.run_process, timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario file, s.yaml, with its three images."""
    return write_scenario(tmp_path / "scenario").parent


@pytest.fixture
def scenario(folder: Path) -> Callable[..., Path]:
    """The scenario file with one text replaced by another."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in SCENARIO
        file = folder / "s.yaml"
        file.write_text(SCENARIO.replace(old, new, 1) if old else SCENARIO + new)
        return file

    return write


@pytest.fixture
def installed(own_environments: Path) -> Path:
    """keras-3 as an installation whose interpreter is ours."""
    return link_interpreter(own_environments, Path(sys.executable).resolve())


@pytest.fixture
def stage(
    folder: Path, store: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Stage]:
    """A run that is held, and the script that will be its worker."""

    def make_stage(script: str, place: Path = store) -> Stage:
        worker = tmp_path / "worker.py"
        worker.write_text(PRELUDE + script)
        monkeypatch.setattr(worker_process, "WORKER", worker)
        return Stage(*create(folder, place))

    return make_stage


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    yield from mounted(tmp_path / "small", "-t", "tmpfs", "-o", "size=1m", "tmpfs")


@pytest.fixture
def stand_in(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StandIn]:
    """`repro sweep` in processes of their own, with an environment that trains nothing."""
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "environments"))
    one = StandIn(tmp_path, folder / "s.yaml")
    one.install()
    yield one
    one.close()


@pytest.fixture(scope="session")
def good_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a good bundle."""
    folder = tmp_path_factory.mktemp("good")
    return export.collect([make_run(folder)]).files
