"""The visit of all screens finds what it is there to find; it is patient with a busy machine, not with a lost word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.fuzz.clean_output import DefectError
from tests.support.fuzz.screens import visit
from tests.support.runs import recorded
from tui.app import ReproApp
from tui.watchers import RunFollower, StoreWatcher

pytestmark = pytest.mark.asyncio


@pytest.fixture
def app(tmp_path: Path) -> ReproApp:
    recorded.finished(tmp_path / "runs", 1)
    return ReproApp(tmp_path / "runs", config_folder=tmp_path / "settings")


async def test_a_store_in_order_is_visited(app: ReproApp) -> None:
    await visit(app)


@pytest.mark.parametrize("thread", [StoreWatcher, RunFollower])
async def test_a_thread_that_looks_and_tells_nothing(
    app: ReproApp, thread: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thread, "look", lambda self: False)
    with pytest.raises(DefectError, match="never came to rest"):
        await visit(app)


async def test_a_program_that_ended_says_why(app: ReproApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ValueError("why")

    monkeypatch.setattr(ReproApp, "on_store_changed", fail)
    with pytest.raises(ValueError, match="why"):
        await visit(app)
