"""Points uv, and all that reads releases, at an index of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repro.environment import releases, uv_command
from tests.support import machine, package_index, releases_index
from tests.support.package_index import PackageIndex


@contextmanager
def served(home: Path, patch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """Serve the index of `releases_index` until the block is left."""
    with package_index.serve() as index:
        releases_index.fill(index)
        patch.setenv("UV_DEFAULT_INDEX", index.address)
        patch.setenv("UV_CACHE_DIR", str(home / "uv-cache"))
        patch.setenv("PYENV_ROOT", str(machine.PYENV))
        forget()
        yield index
        forget()


def forget() -> None:
    """Forget what was read of an index before."""
    releases.of.cache_clear()
    uv_command.index_address.cache_clear()
