"""A test sees nothing of its user: no home, settings, store, installed environments, or files of the checkout."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from repro.cli.common import open_store
from repro.environment import definition
from tests.support import machine, surroundings
from tui.settings import config_folder


@pytest.fixture(scope="module")
def wider_scope() -> Path:
    """Return the home that a fixture of a wider scope than one test has."""
    return Path.home()


def test_all_folders_are_in_the_home_of_the_test(own_home: Path, wider_scope: Path) -> None:
    folders = [
        definition.installations_folder(),
        open_store().path,
        config_folder(),
        Path(tempfile.gettempdir()),
        Path.cwd(),
    ]
    assert Path.home() == own_home
    assert [folder for folder in folders if not folder.is_relative_to(own_home)] == []
    assert not definition.installations_folder().exists() and list(Path.cwd().iterdir()) == []
    assert wider_scope not in (own_home, Path(machine.VARIABLES.get("HOME", "/")))


@pytest.mark.parametrize("trains", [False, True])
def test_the_users_variables_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trains: bool) -> None:
    names = ("REPRO_CHECKPOINT_SECONDS", "XDG_CONFIG_HOME", "NO_COLOR", "CUDA_VISIBLE_DEVICES", "LC_ALL")
    for name in names:
        monkeypatch.setenv(name, "the user's")
    with pytest.MonkeyPatch.context() as patch:
        surroundings.replace(patch, tmp_path / "home", trains=trains)
        assert {name for name in names if name in os.environ} == (set(names[2:]) if trains else set())
        assert (definition.installations_folder() == machine.ENVIRONMENTS) == trains
    assert {os.environ[name] for name in names} == {"the user's"}
