"""The terminal UI over stores whose runs were changed: every place is visited, and every cell looked at."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import shutil
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from textual.pilot import Pilot

from repro.runs.directory import RunDirectory
from tests.support.fuzz.base import FuzzTarget
from tests.support.fuzz.clean_output import DefectError
from tests.support.fuzz.run_targets import EventsTarget, RecordsTarget
from tests.support.runs import recorded
from tui.app import ReproApp
from tui.screens.run import RunScreen
from tui.watchers import RunFollower, StoreWatcher

ENOUGH_LOOKS = 3  # of the thread behind a screen: what it has not told by then it never tells
MOST_SECONDS = 180.0  # where that thread has ended, or hangs


def check_cells(app: ReproApp) -> None:
    """DefectError where a cell holds what a terminal would obey."""
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            if not segment.control and not segment.text.isprintable():
                raise DefectError(f"a character that a terminal obeys: {segment.text[:200]!r}")


async def visit(app: ReproApp, size: tuple[int, int] = (120, 40)) -> None:
    """Library, runs, every run with Why and report, comparison."""
    async with app.run_test(size=size, notifications=True) as pilot:
        await _until(
            pilot,
            lambda: app.session.loaded and all(run.state != "reading" for run in app.session.runs()),
            lambda: app.session.watcher,
        )
        check_cells(app)
        await pilot.press("2")
        await _settled(pilot, app)
        for run_id in app.session.run_ids:
            app.open_run(run_id)
            await pilot.pause()
            screen = app.screen
            assert isinstance(screen, RunScreen)
            await _until(pilot, _is_told(screen), lambda screen=screen: screen._follower)  # type: ignore[misc]
            await _settled(pilot, app)
            screen._draw()
            await _settled(pilot, app)
            for keys in (("w",), ("e",)):
                await pilot.press(*keys)
                await _settled(pilot, app)
                if app.screen is not screen:
                    await pilot.press("escape")
                    await pilot.pause()
            await pilot.press("escape")
            await pilot.pause()
        app.session.marked = list(app.session.run_ids)
        await pilot.press("3")
        await _settled(pilot, app)
        await pilot.press("1")
        await _settled(pilot, app)


async def _settled(pilot: Pilot[int], app: ReproApp) -> None:
    """Nothing is under way in a thread of a screen any more."""
    await pilot.pause()
    await app.workers.wait_for_complete()
    await pilot.pause()
    check_cells(app)


def _is_told(screen: RunScreen) -> Callable[[], bool]:
    return lambda: screen.state != "reading"


async def _until(
    pilot: Pilot[int], wanted: Callable[[], bool], behind: Callable[[], StoreWatcher | RunFollower | None]
) -> None:
    """Until `wanted`; DefectError where the thread behind it has told all: no clock, since a machine may be busy."""
    app = pilot.app
    end = time.monotonic() + MOST_SECONDS
    enough: int | None = None
    while not wanted():
        if app._exception is not None:
            raise app._exception  # the program has ended, and nothing comes to rest any more
        thread = behind()
        if thread is not None and enough is None:
            enough = thread.looks + ENOUGH_LOOKS
        over = (thread is not None and enough is not None and thread.looks >= enough) or time.monotonic() > end
        await pilot.pause(0.02)  # all that was told before is heard in it
        if over and not wanted():
            looks = thread.looks if thread is not None else None
            raise DefectError(f"the screen never came to rest: looks {looks}, ends {app._exit}, threads {_threads()}")


def _threads() -> dict[str, list[str]]:
    """Where each thread is but this one."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return {
        names.get(ident, str(ident)): [
            f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_stack(top)[-3:]
        ]
        for ident, top in sys._current_frames().items()
        if ident != threading.get_ident()
    }


@contextlib.contextmanager
def threads_watched() -> Iterator[list[BaseException]]:
    """Exceptions of threads, which would else be printed only."""
    found: list[BaseException] = []
    before = threading.excepthook
    threading.excepthook = lambda told: found.append(told.exc_value or RuntimeError())
    try:
        yield found
    finally:
        threading.excepthook = before


class ScreensTarget(FuzzTarget):
    """Four changed runs in one store, and a session that visits all of them."""

    NAMES = ("run.json", "result.json", "events.jsonl", "scenario.yaml", "environment.json", "arrays/images.npy")

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.store = folder / "runs"

    def case(self, draw: random.Random) -> None:
        shutil.rmtree(self.store, ignore_errors=True)
        self.store.mkdir()
        said = [*recorded.beginning(), *recorded.epochs(1, 5), *recorded.measured(5)]
        broken = recorded.write(self.store, recorded.make_id(3), said, log="\x1b[2Jlog\r\x07\n")
        for run in (recorded.finished(self.store, 1), recorded.traced(self.store, 2), broken):
            for _ in range(draw.randint(1, 2)):
                self._change(draw, run)
        app = ReproApp(self.store, config_folder=self.folder / "settings")
        with threads_watched() as faults:
            try:
                asyncio.run(visit(app))
            finally:
                if faults:
                    raise faults[0]

    def _change(self, draw: random.Random, run: RunDirectory) -> None:
        name = self.NAMES[draw.randint(0, len(self.NAMES) - 1)]
        file = run.file(name)
        if not file.exists():
            return
        if name == "events.jsonl":
            file.write_bytes(EventsTarget.change(draw, file.read_bytes().splitlines()))
            if draw.randint(0, 1):
                run.file("result.json").unlink(missing_ok=True)
        else:
            with contextlib.suppress(json.JSONDecodeError):
                file.write_bytes(RecordsTarget.change(draw, name, file.read_bytes()))
