"""A package index on this machine, with uv's cache and the environments in the test's own home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import index_of_test
from tests.support.package_index import PackageIndex


@pytest.fixture
def index(own_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PackageIndex]:
    """Return an index that holds a history of Keras in miniature; all that resolves and installs reads it."""
    with index_of_test.served(own_home, monkeypatch) as found:
        yield found
