"""The store of the session's real runs."""

from __future__ import annotations

import pytest

from tests.support.real_runs import RealRuns


@pytest.fixture(scope="session")
def repro(tmp_path_factory: pytest.TempPathFactory) -> RealRuns:
    return RealRuns(tmp_path_factory.mktemp("real") / "store")
