"""Rates over seeds: asked for in the library, drawn while they come, kept; over recorded sweeps, and one real one."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from repro.queue import tickets
from repro.runs.store import Store
from repro.sweep.record import SweepDirectory, sweeps
from repro.sweep.tally import rate
from tests.support.installations import install_stand_in
from tests.support.runs import recorded
from tests.support.screens import SIZES, MakeApp, shows, text_of, until
from tests.support.sweeps import StandIn
from tui.screens.library import LibraryScreen
from tui.screens.run import RunScreen
from tui.screens.sweep_ask import SweepAskScreen
from tui.screens.sweeps import SweepsScreen, question
from tui.viewmodels.sweeps import interval_bar, rate_line, seeds_line

pytestmark = pytest.mark.asyncio


@contextmanager
def held(directory: SweepDirectory) -> Iterator[None]:
    """As while the sweep goes on."""
    with (directory.path / "lock").open("rb") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


# -- asking


@pytest.mark.parametrize("size", SIZES)
async def test_the_library_asks_and_puts_the_sweep_into_the_queue(
    make_app: MakeApp, store: Path, started: list[Path], size: tuple[int, int]
) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await shows(pilot, "original-bug")
        await until(pilot, app.screen.possible)  # type: ignore[attr-defined]
        await pilot.press("s")
        await shows(pilot, "Rates over seeds", "[x] original-bug", "[x] keras-3", "10 runs; finished ones count")
        await pilot.press("f1")
        await shows(pilot, "What has the focus")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, SweepAskScreen))
        app.screen.query_one("#seeds", Input).value = "3:3"
        await shows(pilot, "seeds: '3:3' is out of range")
        await pilot.press("f5")
        assert isinstance(app.screen, SweepAskScreen) and not tickets.tickets(store)
        app.screen.query_one("#seeds", Input).value = "0:3"
        await shows(pilot, "3 runs;")
        await pilot.press("f5")
        await until(pilot, lambda: isinstance(app.screen, SweepsScreen))
        await shows(pilot, "the sweep of original-bug")
    (ticket,) = tickets.tickets(store)
    assert ticket.arguments == [
        *("sweep", "original-bug", "--seeds", "0:3", "--environment", "keras-3", "--json", "--plain"),
    ]
    assert started == [store]


async def test_nothing_was_swept_yet(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("v")
        await shows(pilot, "No sweeps yet.  s asks")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LibraryScreen))


# -- showing


@pytest.mark.parametrize("size", SIZES)
async def test_rates_stand_with_their_intervals(make_app: MakeApp, store: Path, size: tuple[int, int]) -> None:
    directory = recorded.sweep(store)
    going = recorded.swept_runs(store, directory)
    app = make_app()
    with held(directory), going.acquire():
        async with app.run_test(notifications=True, size=size) as pilot:
            await shows(pilot, "original-bug")
            await pilot.press("v")
            await shows(pilot, "● running", "7 of 20 runs", "momentum-0.01 in keras-3", "[✓]✓ ✗ ✓ ? ✓ ✓ ● ○ ○")
            await shows(pilot, "5/7", "0.71", "0.36 to 0.92", "7/7", "1.00", "0.65 to 1.00", "●", "├", "┤")
            await shows(pilot, "seed 0  reproduced, was there")
            await pilot.press(*["right"] * 7)
            await shows(pilot, "[●]", "● seed 7  fit, epoch 4 of 20, 8.0 s of training left")
            for line in text_of(app).splitlines():
                assert len(line) <= size[0]


async def test_a_run_of_the_sweep_is_opened(make_app: MakeApp, store: Path) -> None:
    directory = recorded.sweep(store)
    recorded.swept_runs(store, directory)
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await shows(pilot, "original-bug")
        await until(pilot, lambda: app.session.loaded)
        await pilot.press("v")
        await shows(pilot, "■ stopped", "r goes on from here")
        await pilot.press("down")
        await shows(pilot, "○ seed 0  waiting")
        assert app.screen.check_action("open", ()) is None
        await pilot.press("up", "right", "right")
        await shows(pilot, "✗ seed 2  not reproduced, trained", "$ repro sweep momentum-0.01 --seeds 0:10")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        await pilot.press("escape")
        await shows(pilot, "✗ seed 2  not reproduced, trained")


async def test_sweeps_are_turned_over_and_gone_on_with(
    make_app: MakeApp, store: Path, started: list[Path], own_environments: Path
) -> None:
    for name in ("keras-3", "keras-2.0.9"):
        install_stand_in(own_environments, name)
    recorded.sweep(store, index=1, environments=("keras-3",))
    newer = recorded.sweep(store, index=2, ended=False)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await until(pilot, app.screen.possible)  # type: ignore[attr-defined]
        await pilot.press("v")
        await shows(pilot, "! interrupted", "7 of 20 runs", "sweep 1 of 2")
        await pilot.press("p")
        await shows(pilot, "■ stopped", "7 of 10 runs", "sweep 2 of 2")
        assert app.screen.check_action("turn", (1,)) is None and app.screen.check_action("turn", (-1,))
        await pilot.press("n")
        await shows(pilot, "7 of 20 runs")
        with held(newer):
            await shows(pilot, "● running")
            assert app.screen.check_action("resume", ()) is None
            await pilot.press("x")
            await until(pilot, (newer.path / "stop").exists)
        await shows(pilot, "! interrupted")
        await pilot.press("r")
        await until(pilot, lambda: tickets.tickets(store))
        await shows(pilot, "the sweep of momentum-0.01 waits")
        await pilot.press("s")
        await shows(pilot, "[x] momentum-0.01", "[x] keras-2.0.9")
    (ticket,) = tickets.tickets(store)
    assert ticket.arguments[:6] == ["sweep", "momentum-0.01", "--seeds", "0:10", "--environment", "keras-3"]
    assert "--store" not in ticket.arguments and ticket.arguments[-2:] == ["--json", "--plain"]


async def test_a_damaged_sweep_is_told(make_app: MakeApp, store: Path) -> None:
    (recorded.sweep(store).path / "sweep.json").write_bytes(b"{")
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("v")
        await shows(pilot, "sweep.json: damaged")


async def test_without_colours_everything_can_be_read(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    recorded.sweep(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("v")
        await shows(pilot, "[✓]✓ ✗ ✓ ? ✓ ✓", "├", "5/7", "0.36 to 0.92")


# -- the lines


async def test_the_bar_says_rate_and_interval() -> None:
    assert interval_bar(rate(0, 0), 11) == "···········"
    assert interval_bar(rate(0, 10), 11) == "●──┤·······"
    assert interval_bar(rate(10, 10), 11) == "·······├──●"
    assert interval_bar(rate(5, 10), 11) == "··├──●──┤··"


@pytest.mark.parametrize(
    ("held", "counted", "figures"),
    [(5, 10, "0.50  0.24 to 0.76"), (10, 10, "1.00  0.72 to 1.00"), (999, 1000, "<1.00  0.99 to <1.00")],
)
async def test_a_rate_is_never_rounded_to_0_or_1(held: int, counted: int, figures: str) -> None:
    line = rate_line("C1", rate(held, counted), (0, 0), "", 100).plain
    assert figures in line


async def test_many_seeds_stand_in_blocks_that_do_not_move(store: Path) -> None:
    group = recorded.sweep(store).record().groups[0]
    many = type(group)(**{name: getattr(group, name) for name in group.__struct_fields__} | {
        "seeds": list(range(30)), "runs": group.runs * 3
    })  # fmt: skip
    lines = [line.plain.rstrip() for line in seeds_line(many, 56, 12)]
    assert [line[:9].strip() for line in lines] == ["seed 0", "seed 20"]
    assert lines[0] == "seed 0      ✓ ✓ ✗ ✓ ? ✓ ✓ ● ○ ○  ✓ ✓[✗]✓ ? ✓ ✓ ● ○ ○"
    assert lines[0].replace("[", " ").replace("]", " ") == seeds_line(many, 56, None)[0].plain.rstrip()


async def test_how_it_was_shown_is_not_part_of_the_question() -> None:
    words = ["repro", "--store", "x", "sweep", "a", "--seeds", "0:2", "--plain", "--json", "--store=y"]
    assert question(words) == ["sweep", "a", "--seeds", "0:2"]


# -- one in an environment that trains nothing, by the real queue


# The queue's process outlives whoever started it, by design.
@pytest.mark.filterwarnings("ignore:.*subprocess.*:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
async def test_a_sweep_from_the_question_to_its_rates(make_app: MakeApp, store: Path, stand_in: StandIn) -> None:
    """Begun, stopped, gone on with, and it survives leaving the screen."""
    stand_in.hold.touch()
    app = make_app()

    def record_state() -> str:
        found = sweeps(Store(store))
        return found[0].state(found[0].record()) if found else ""

    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await until(pilot, app.screen.possible)  # type: ignore[attr-defined]
        await pilot.press("s")
        await shows(pilot, "Rates over seeds")
        app.screen.query_one("#seeds", Input).value = "0:3"
        await shows(pilot, "3 runs;")
        await pilot.press("f5")
        await shows(pilot, "● running", "0 of 3 runs", "epoch 1 of 5")
        await pilot.press("x")
        await shows(pilot, "■ stopped")
        await pilot.press("r")
        await shows(pilot, "● running", "1 of 3 runs", "? seed 0  inconclusive, resumed")
    assert record_state() == "running"
    stand_in.hold.unlink()
    again = make_app()
    async with again.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("v")
        await shows(pilot, "✓ finished", "3 of 3 runs", "2/3", "0.67", "0.21 to 0.94", seconds=60)
        await until(pilot, lambda: not tickets.tickets(store))
    assert record_state() == "finished"
