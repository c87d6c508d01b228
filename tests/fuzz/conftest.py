from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_signal_came(monkeypatch: pytest.MonkeyPatch) -> None:
    """Restore what a planted event says of a signal."""
    monkeypatch.setattr("repro.cli.progress.signalled", False)
