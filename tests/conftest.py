"""Gives every test a home, settings, a store and environments of its own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

import tests.support.machine  # noqa: F401  (reads the user's home before it is replaced)

# Tests that train, or start containers, use what is really installed.
USE_THE_MACHINE = ("real", "longest", "evidence", "container")


@pytest.fixture(autouse=True)
def own_home(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Path | None:
    """Point HOME, XDG folders and our own variables at empty folders; return that home.

    A test that needs an installed environment uses the fixture `own_environments` and `install_stand_in`.
    """
    if any(request.node.get_closest_marker(name) for name in USE_THE_MACHINE):
        return None
    home: Path = request.getfixturevalue("tmp_path_factory").mktemp("home")
    for name in list(os.environ):
        if name.startswith(("XDG_", "REPRO_", "KERAS_", "TF_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(home / "environments"))
    monkeypatch.setenv("REPRO_NO_WARM", "1")
    # Locks that only one process of a user can hold are in the temporary folder: tests in parallel must not share them.
    (home / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(home / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return home


@pytest.fixture
def own_environments(own_home: Path) -> Path:
    """Return the test's own folder of installed environments, which is empty."""
    folder = own_home / "environments"
    folder.mkdir()
    return folder
