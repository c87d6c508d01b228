"""The command line in this process, with an environment whose interpreter is the tests' own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.programs import Command, install_python


@pytest.fixture
def repro(capfd: pytest.CaptureFixture[str], own_environments: Path) -> Command:
    """Return the command line; the environments keras-3 and tf-keras (one installation) are installed."""
    install_python(own_environments)
    return Command(capfd)
