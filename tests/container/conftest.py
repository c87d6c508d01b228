"""A Docker engine, the image and a service; skipped with a reason where there is no engine."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import GID, IMAGE, PREPARE, UID, Service, client_variables, docker


@pytest.fixture(scope="session")
def engine() -> None:
    """An engine that answers, with compose."""
    if shutil.which("docker") is None or docker("info", check=False).returncode != 0:
        if not os.access(PREPARE, os.X_OK):
            pytest.skip("no Docker engine answers here, and none can be prepared")
        subprocess.run([PREPARE], check=True, env=client_variables())
    if docker("compose", "version", check=False).returncode != 0:
        pytest.skip("Docker has no compose plugin here")


@pytest.fixture(scope="session")
def image(engine: None) -> dict[str, Any]:
    """The image as the README builds it, inspected."""
    docker("compose", "build", "repro")
    found: dict[str, Any] = json.loads(docker("image", "inspect", IMAGE).stdout)[0]
    return found


@pytest.fixture
def service(image: dict[str, Any], tmp_path: Path) -> Service:
    """The service on a new store that UID owns."""
    store = tmp_path / "runs"
    store.mkdir()
    if os.getuid() == 0:
        os.chown(store, UID, GID)
    return Service(store)


@pytest.fixture
def name() -> Iterator[str]:
    """A container's name; what bears it at the end is removed."""
    chosen = f"repro-test-{os.getpid()}-{time.monotonic_ns()}"
    yield chosen
    docker("rm", "--force", chosen, check=False)
