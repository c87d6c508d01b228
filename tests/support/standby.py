"""A standby process that is none, for what decides when one is started."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.queue import standby
from repro.queue.standby import StandbyManager

WORDS = ["run", "original-bug", "--environment", "keras-3", "--seed", "0", "--again", "--trace", "--json", "--plain"]
OTHER = [*WORDS[:5], "1", *WORDS[6:]]


class Fake:
    """A spare without a process."""

    made: list[Fake]

    def __init__(self, store: Path, arguments: list[str]) -> None:
        self.arguments, self.is_ready, self.is_gone, self.closed = arguments, False, False, False
        self.code: int | None = None
        Fake.made.append(self)

    def look(self) -> int | None:
        return self.code

    def go(self) -> bool:
        self.is_gone = self.code is None
        return self.is_gone

    def close(self) -> None:
        self.closed, self.code = True, 0


@pytest.fixture
def warming(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StandbyManager:
    Fake.made = []
    monkeypatch.delenv(standby.OFF, raising=False)
    monkeypatch.setattr(standby, "StandbyProcess", Fake)
    monkeypatch.setattr(StandbyManager, "REST_SECONDS", 0.0)
    return StandbyManager(tmp_path)
