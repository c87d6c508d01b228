"""Places and memory for commands that meet a fault."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.places import Place, anyones_python

MEMORY_LIMIT = 128 * 1024 * 1024


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """Return a folder that every user can enter, below /tmp: pytest's own folders are for one user only."""
    path = Path(tempfile.mkdtemp(prefix="repro-faults-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture
def place(open_folder: Path) -> Place:
    """Return a place whose commands run as the user of the tests."""
    return Place(open_folder, Path(sys.executable).resolve())


@pytest.fixture
def shared(open_folder: Path) -> Place:
    """Return a place with an interpreter that every user may run."""
    if os.geteuid() != 0:
        pytest.skip("only root can become somebody else")
    python = anyones_python()
    if python is None or (ROOT.stat().st_mode & 0o005) != 0o005:
        pytest.skip("no Python that everybody may run is here")
    return Place(open_folder, python)


@pytest.fixture
def limited() -> Iterator[Callable[[], None]]:
    """Puts the calling process into a cgroup with little memory and no swap."""
    name = f"repro-test-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    unified = (root / "cgroup.controllers").exists()
    group, limit = (root / name, "memory.max") if unified else (root / "memory" / name, "memory.limit_in_bytes")
    try:
        group.mkdir()
        (group / limit).write_text(str(MEMORY_LIMIT))
        with contextlib.suppress(OSError):  # kernels without swap accounting have none
            (group / ("memory.swap.max" if unified else "memory.swappiness")).write_text("0")
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        pytest.skip(f"no cgroup with a limit can be made here ({error})")
    yield lambda: (group / "cgroup.procs").write_text(str(os.getpid())) and None
    deadline = time.monotonic() + 10
    while (group / "cgroup.procs").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    group.rmdir()
