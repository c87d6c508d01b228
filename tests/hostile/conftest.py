from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def _own_folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Readers set the store and the environments of this process; both are put back."""
    for name in ("REPRO_ENVIRONMENTS", "REPRO_STORE"):
        monkeypatch.setenv(name, "")
    monkeypatch.setattr("repro.cli.progress.signalled", False)  # a planted event says that a signal came
    yield
