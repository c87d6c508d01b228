"""Gives every test a home, settings, a store and environments of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import surroundings

pytest_plugins = ["tests.support.fixtures", "tests.support.recorded_programs"]

# Tests with these marks train in the environments that are really installed.
TRAINS = ("real", "longest", "evidence")
_numbers = itertools.count()


@pytest.fixture(scope="session", autouse=True)
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return the folder of the tests' homes; fixtures of a wider scope than one test have a home of their own."""
    folder = tmp_path_factory.mktemp("homes")
    with pytest.MonkeyPatch.context() as patch:
        surroundings.replace(patch, folder / "wider-scope")
        yield folder


@pytest.fixture(autouse=True)
def own_home(request: pytest.FixtureRequest, homes: Path) -> Iterator[Path]:
    """Return the test's own home, which HOME and our own variables point at.

    A test that needs an installed environment uses `own_environments` and `install_stand_in`.
    """
    home = homes / f"{next(_numbers):04d}"
    with pytest.MonkeyPatch.context() as patch:  # not the fixture `monkeypatch`, which a test may undo
        surroundings.replace(patch, home, trains=any(map(request.node.get_closest_marker, TRAINS)))
        yield home


@pytest.fixture
def own_environments(own_home: Path) -> Path:
    """Return the test's own folder of installed environments, which is empty."""
    folder = own_home / "environments"
    folder.mkdir()
    return folder
