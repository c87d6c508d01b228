"""Every screen, driven by keys, over recorded run directories."""

from __future__ import annotations

import gc
import inspect
import os
import re
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input, OptionList

from repro.queue import tickets
from repro.runs import events
from repro.runs.store import Store
from repro.runs.view import RunView
from tests.evidence.runs import make_run
from tests.tui import recorded
from tests.tui.conftest import shows, text_of, until
from tui.app import ReproApp
from tui.screens.base import ReproScreen
from tui.screens.library import LibraryScreen
from tui.screens.report import ReportScreen
from tui.screens.run import RunScreen
from tui.screens.runs import RunsScreen
from tui.screens.what_if import WhatIfScreen
from tui.screens.why import WhyScreen
from tui.widgets.runlist import RunList

pytestmark = pytest.mark.asyncio
MakeApp = Callable[[], ReproApp]
SIZES = [(60, 18), (80, 24), (140, 40)]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """No process is started; whether one would have been."""
    found: list[Path] = []
    monkeypatch.setattr(tickets, "start_working", found.append)
    return found


# -- library


@pytest.mark.parametrize("size", SIZES)
async def test_the_library_explains_the_first_scenario(make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await shows(pilot, "original-bug", "The report", "not run yet", "$ repro run original-bug")
        assert "nothing is running" in text_of(app)


async def test_a_click_chooses_a_scenario_and_a_second_one_asks_how_to_run_it(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug", "forced-learning-phase")
        await pilot.click("#scenarios", offset=(5, 6))
        await shows(pilot, "The answer's first proof", "$ repro run forced-learning-phase")
        assert isinstance(app.screen, LibraryScreen)
        await pilot.click("#scenarios", offset=(5, 5))  # the group's title
        assert isinstance(app.screen, LibraryScreen) and app.screen.chosen.name == "forced-learning-phase"
        await pilot.click("#scenarios", offset=(5, 7), times=3)
        await shows(pilot, "Run forced-learning-phase")
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, LibraryScreen))  # it was asked once


async def test_the_hint_beside_a_command_line_stands_only_where_it_has_room(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REPRO_STORE", str(store))  # so that the command does not name it
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await shows(pilot, "--seed 0 --again --trace")
        assert "y c" not in text_of(app)
        await pilot.resize_terminal(100, 24)
        await shows(pilot, "y copies")


async def test_a_file_that_is_listed_already_is_chosen_when_it_is_opened(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repro.base import shipped

    folder = tmp_path / "work"
    folder.mkdir()
    file = folder / "mine.yaml"
    text = (shipped.folder("scenarios") / "original-bug.yaml").read_text("utf-8")
    file.write_text(text.replace("name: original-bug", "name: mine"), "utf-8")
    (folder / "images").symlink_to(shipped.folder("scenarios") / "images")
    monkeypatch.chdir(folder)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 90)) as pilot:
        await shows(pilot, "original-bug", "mine", "$ repro run original-bug")
        app.screen.post_message(Paste(str(file)))
        await shows(pilot, "$ repro run ./mine.yaml")


async def test_last_verdicts_stand_in_the_library(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    recorded.finished(store, 2, environment="keras-2.0.9")
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 40)) as pilot:
        await shows(pilot, "✓ keras-3  ✓ keras-2.0.9", "Last runs", "Signs from left to right")


async def test_a_run_is_put_into_the_queue(make_app: MakeApp, store: Path, started: list[Path]) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("r")
        await shows(pilot, "Run original-bug", "[x] keras-3", "1 run")
        await pilot.press("enter")
        await until(pilot, lambda: tickets.tickets(store))
    ticket = tickets.tickets(store)[0]
    assert ticket.arguments == [
        *("run", "original-bug", "--environment", "keras-3", "--seed", "0", "--again", "--trace", "--json", "--plain"),
    ]
    assert started == [store]


async def test_several_marked_scenarios_and_seeds_make_a_queue(
    make_app: MakeApp, store: Path, started: list[Path], tmp_path: Path
) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("space", "space", "r")
        await shows(pilot, "Run 2 scenarios")
        app.screen.query_one("#seeds", Input).value = "0:2"
        await shows(pilot, "4 runs, one after another")
        app.screen.query_one("#images", Input).value = "/no/such/folder"
        await shows(pilot, "is not a folder")
        app.screen.query_one("#images", Input).value = str(tmp_path)
        app.screen.query_one("#seeds", Input).value = "nonsense"
        await shows(pilot, "is not a whole number")
        app.screen.query_one("#seeds", Input).value = "0:2"
        await shows(pilot, "4 runs, one after another")
        await pilot.press("f5")
        await until(pilot, lambda: len(tickets.tickets(store)) == 4)
        await shows(pilot, "4 waiting")
    again = make_app()
    assert (again.session.settings.seeds, again.session.settings.images) == ("0,1", str(tmp_path))


async def test_a_scenario_that_breaks_keeps_its_old_content(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import repro.scenario.load

    folder = tmp_path / "scenarios"
    folder.mkdir()
    for file in repro.scenario.load.shipped_files():
        (folder / file.name).write_text(file.read_text())
    monkeypatch.setattr(repro.scenario.load, "shipped_files", lambda: sorted(folder.glob("*.yaml")))
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await shows(pilot, "original-bug", "100 % in fit", "Claims")
        file = folder / "original-bug.yaml"
        file.write_text(file.read_text().replace("epochs: 5", "epochs: -5"))
        os.utime(file, ns=(1, 1))
        screen = app.screen
        assert isinstance(screen, LibraryScreen)
        screen._refresh_scenarios()
        await shows(pilot, "original-bug.yaml:")
        assert screen.scenarios.loaded["original-bug"].scenario.fit.epochs == 5


OWN = """format: 1
name: my-bug
title: A network of mine
group: control
about: Mine.
images: {directory: images, size: [197, 197], channels: 1}
model: {application: ResNet50, classes: 3}
batch_norm: {momentum: 0.5}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 3, shuffle: true, batch_size: 32}
measure: [evaluate]
claims:
  - {id: M1, says: fit is right, value: fit.accuracy, is: equal, to: 1.0}
"""


async def test_files_of_the_users_stand_in_the_library_and_can_be_run(
    make_app: MakeApp, store: Path, started: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text(OWN)
    (tmp_path / "other.yaml").write_text("services: {}\n")
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 60)) as pilot:
        await shows(pilot, "Your files", "my-bug", "A network of mine")
        assert "other" not in text_of(app)
        await pilot.press("end")
        await shows(pilot, "$ repro run ./mine.yaml", "M1  fit is right")
        await pilot.press("r")
        await shows(pilot, "Run ./mine.yaml")
        await pilot.press("f5")
        await until(pilot, lambda: tickets.tickets(store))
    assert tickets.tickets(store)[0].arguments[:2] == ["run", str(tmp_path / "mine.yaml")]


async def test_a_file_is_opened_from_anywhere_and_its_faults_are_shown_in_place(
    make_app: MakeApp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    file = tmp_path / "far [away].yaml"
    file.write_text(OWN.replace("epochs: 3", "epochs: 0"))
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 60)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("o")
        await shows(pilot, "Open a scenario file")
        app.screen.query_one("#path", Input).value = str(tmp_path / "nothing.yaml")
        await pilot.press("enter")
        await shows(pilot, "is not a file")
        app.screen.query_one("#path", Input).value = str(file)
        await pilot.press("enter")
        await shows(pilot, "Your files", "far [away].yaml:10:", "▶  10  fit: {epochs: 0")
        await pilot.press("r")
        await shows(pilot, "mend the file first")
        file.write_text(OWN)
        await shows(pilot, "M1  fit is right")
        assert "▶" not in text_of(app)
        file.write_text(OWN.replace("format: 1", "format: 1\nformat: 1"))
        await shows(pilot, "(the old content stays)", "▶   2  format: 1", "M1  fit is right")
    again = make_app()
    async with again.run_test(notifications=True, size=(120, 60)) as pilot:
        await shows(pilot, "Your files", "far [away]")
        file.unlink()
        await shows(pilot, "the file is gone")
        await until(pilot, lambda: "Your files" not in text_of(again))


async def test_a_pasted_path_opens_the_file(make_app: MakeApp, tmp_path: Path) -> None:
    file = tmp_path / "with space.yaml"
    file.write_text(OWN)
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 60)) as pilot:
        await shows(pilot, "original-bug")
        app.screen.post_message(Paste(f"'{file}' "))
        await shows(pilot, "my-bug", "M1  fit is right")


# -- one run


@pytest.mark.parametrize("size", SIZES)
async def test_a_finished_run_shows_its_verdict(make_app: MakeApp, store: Path, size: tuple[int, int]) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "original-bug", "✓ reproduced", "Loss in fit", "epoch 5 of 5")
        page = app.screen.query_one("#page")
        page.scroll_end(animate=False)
        await shows(pilot, "Log of the worker")


async def test_a_place_is_reached_from_a_run_that_lies_upon_it(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "Loss in fit")
        await pilot.press("1")
        await shows(pilot, "The report")
        app.open_run(run.id)
        await shows(pilot, "Loss in fit")
        await pilot.press("2")
        await shows(pilot, "1 run,")


async def test_what_was_drawn_of_a_screen_goes_with_it(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 36)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("2")
        await shows(pilot, "1 run")
        await pilot.press("enter")
        await shows(pilot, "The same weights, two phases")
        drawn = [widget._styles_cache for widget in app.screen.walk_children() if widget._styles_cache._cache]
        assert drawn
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen))
        await pilot.pause(0.1)
        kept = [cache for cache in drawn if any(isinstance(holder, tuple) for holder in gc.get_referrers(cache))]
        assert not kept, "a cache of Textual's, which is no widget's, holds its lines"


LATE: list[tuple[Callable[[str], ReproScreen], str, tuple[object, ...]]] = [
    (lambda run_id: ReportScreen([run_id]), "_show_preview", (None, "")),
    (lambda run_id: ReportScreen([run_id]), "_show_issue", ("# Issue", "")),
    (WhyScreen, "_loaded", ([], [], "")),
    (WhatIfScreen, "_loaded", (None, None, "no trace")),
    (RunScreen, "_put_pictures", (None,)),
]


@pytest.mark.parametrize(("make_screen", "name", "values"), LATE, ids=[f"{name}" for _, name, _ in LATE])
async def test_what_a_thread_brings_to_a_closed_screen_is_let_go(
    make_app: MakeApp, store: Path, make_screen: Callable[[str], ReproScreen], name: str, values: tuple[object, ...]
) -> None:
    run = recorded.finished(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        screen = make_screen(run.id)
        await app.push_screen(screen)

        async def bring() -> None:
            done = getattr(screen, name)(*values)
            if inspect.isawaitable(done):
                await done

        await bring()
        closing = app.pop_screen()
        await bring()  # while it is taken away
        await closing
        await pilot.pause()
        await bring()
        assert isinstance(app.screen, LibraryScreen)


async def test_a_report_closed_before_its_issue_text_says_that_nothing_was_written(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run = recorded.finished(store)
    app, hold = make_app(), threading.Event()
    monkeypatch.setattr(ReportScreen, "_collect", lambda _: hold.wait(30))
    try:
        async with app.run_test(notifications=True, size=(100, 30)) as pilot:
            await shows(pilot, "original-bug")
            app.open_report([run.id])
            await shows(pilot, "Issue text for")
            await pilot.press("x")
            await shows(pilot, "both are written then")
            await pilot.press("escape")
            await shows(pilot, "nothing was written")
            hold.set()
    finally:
        hold.set()
    assert not list(tmp_path.glob("*.zip"))


async def test_all_parts_of_a_finished_run_have_room_on_a_large_terminal(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 74)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(
            pilot,
            *("training phase", "inference", "boat.png", "label 0", "✗ class 0 wrong", "Claims  7 of 7 held"),
            *("Moving statistics", "0.9510", "▌", "absl::InitializeLog", "- skipped"),
        )


async def test_the_seconds_of_a_slow_stage_are_seen_in_a_narrow_terminal(make_app: MakeApp, store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), recorded.beginning())
    app = make_app()
    with run.acquire():
        async with app.run_test(notifications=True, size=(60, 18)) as pilot:
            await until(pilot, lambda: app.session.loaded)
            app.open_run(run.id)
            await shows(pilot, "epoch 0 of 5  ·  tracing")
            line = next(line for line in text_of(app).splitlines() if "tracing" in line)
            assert re.search(r"\d s  ·  epoch 0 of 5", line), line


async def test_a_screen_that_is_being_closed_may_be_drawn_once_more(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✓ reproduced")
        for place in app.screen.query(".claims"):
            place.display = False  # as all of a screen when it is being closed
        app.screen.on_screen_resume()
        app.screen._draw()


@pytest.mark.parametrize(("width", "across"), [(60, 1), (80, 3), (140, 1)])
async def test_the_images_stand_side_by_side_where_they_have_room(
    make_app: MakeApp, store: Path, width: int, across: int
) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(width, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await until(pilot, lambda: len(app.screen.query(".card")) == 3)
        await until(pilot, lambda: all(card.region.height for card in app.screen.query(".card")))
        await until(pilot, lambda: len({card.virtual_region.x for card in app.screen.query(".card")}) == across)

        def whole() -> bool:
            return all(
                caption.virtual_region.bottom <= caption.parent.region.height
                and caption.virtual_region.height == len(str(caption.content).splitlines()) > 4
                for caption in app.screen.query(".caption")
            )

        await until(pilot, whole)


async def test_a_run_is_followed_as_it_goes(make_app: MakeApp, store: Path) -> None:
    said = [*recorded.beginning(), *recorded.epochs(1, 1)]
    run = recorded.write(store, recorded.make_id(1), said)
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 60)) as pilot:
        with run.acquire():
            await until(pilot, lambda: app.session.loaded)
            app.open_run(run.id)
            await shows(pilot, "● running", "epoch 1 of 5", "· open", "● original-bug 1/5")
            more = recorded.epochs(2, 3)
            recorded.append(run, more, len(said))
            await shows(pilot, "epoch 3 of 5", "0.5 s a step", "about 1.0 s left")
            await pilot.press("p")
            await shows(pilot, "view is frozen")
            recorded.append(run, recorded.epochs(4, 5), len(said) + 2)
            frozen = app.screen
            await until(pilot, lambda: frozen.progress.epoch == 5)  # type: ignore[attr-defined]
            await pilot.pause(0.6)
            assert "epoch 3 of 5" in text_of(app), "what came is kept, folded, and not shown"
            await pilot.press("p")
            await shows(pilot, "epoch 5 of 5")
            recorded.append(run, recorded.measured(5), len(said) + 4)
            await shows(pilot, "✓ held    Q2", "✗ class 1 wrong", "<1.0000", "✓ class 2 right")
            await pilot.press("s")
            await until(pilot, lambda: run.file("stop").exists())
        await shows(pilot, "! interrupted")


async def test_a_loss_that_is_not_finite_is_a_gap(make_app: MakeApp, store: Path) -> None:
    said = [*recorded.beginning(), *recorded.epochs(1, 5, [1.0, "nan", "inf", 0.1, "nan"])]
    run = recorded.write(store, recorded.make_id(1), said)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "Loss in fit", "nan", "epoch 5 of 5")


async def test_a_failed_run_shows_the_end_of_its_log(make_app: MakeApp, store: Path) -> None:
    reason = "the worker was killed by SIGKILL (probably out of memory: the kernel kills so)"
    said = [*recorded.beginning(), events.RunEnded(state="failed", reason=reason, exit_code=4)]
    run = recorded.write(store, recorded.make_id(1), said, log="allocating\nlast words\n")
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✗ failed", "out of memory", "last words")


async def test_a_stopped_run_goes_on_from_its_checkpoint(make_app: MakeApp, store: Path, started: list[Path]) -> None:
    said = [
        *recorded.beginning(),
        *recorded.epochs(1, 3),
        events.CheckpointWritten(epoch=3, file="weights/c.npz", sha256="0" * 64, bytes=1, seconds=0.1),
        events.RunEnded(state="stopped", reason="on request; kept after epoch 3", exit_code=4),
    ]
    run = recorded.write(store, recorded.make_id(1), said)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "■ stopped", "checkpoint after epoch 3", "$ repro resume")
        await pilot.press("r")
        await until(pilot, lambda: tickets.tickets(store))
    assert tickets.tickets(store)[0].arguments[:2] == ["resume", run.id] and started


@pytest.mark.parametrize("broken", ["run.json", "events.jsonl", "result.json"])
async def test_a_damaged_run_is_listed_and_opened_as_damaged(make_app: MakeApp, store: Path, broken: str) -> None:
    run = recorded.finished(store, 1)
    recorded.finished(store, 2)
    if broken == "events.jsonl":
        run.file("result.json").unlink()
    run.file(broken).write_bytes(b"\x00[red]\n")
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await pilot.press("2")
        await shows(pilot, "✗ damaged", "✓ reproduced")
        app.open_run(run.id)
        await shows(pilot, "✗ damaged", broken)


async def test_markup_and_control_characters_stay_text(make_app: MakeApp, store: Path) -> None:
    evil = "[red]boo[/] [@click=app.quit]x[/] \x1b[2J\x07" + "n" * 250
    said = [
        *recorded.beginning(),
        events.Warned(message=evil),
        events.RunEnded(state="failed", reason=evil, exit_code=4),
    ]
    run = recorded.write(store, recorded.make_id(1), said, log=evil + "\n", scenario=evil)
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await pilot.press("2")
        await shows(pilot, "[red]boo[/]")
        app.open_run(run.id)
        await shows(pilot, "[red]boo[/]", "[@click=app.quit]")
        await pilot.press("l")
        await until(pilot, lambda: "[red]boo" in str(app.screen.query_one("#log").lines))  # type: ignore[attr-defined]
        assert "\x1b" not in text_of(app) and "\x07" not in text_of(app)
        app.say(evil)
        await shows(pilot, "[red]boo[/]")
        await pilot.press("c", "3")
        await shows(pilot, "[red]boo[/]")


async def test_twenty_thousand_events_do_not_stop_the_keys(make_app: MakeApp, store: Path) -> None:
    said = [*recorded.beginning(20_000), *recorded.epochs(1, 20_000)]
    run = recorded.write(store, recorded.make_id(1), said)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "epoch 20000 of 20000")


# -- recordings


async def test_a_recording_is_shown_and_cannot_be_resumed_or_asked(make_app: MakeApp, store: Path) -> None:
    import msgspec

    from repro.runs.recorded_record import RECORDING_FORMAT, Recorded

    program = Recorded(RECORDING_FORMAT, "1", "train.py", None, [], "3.12.1", "3.15.1", "keras", "keras_3")
    said = [*recorded.beginning(), *recorded.epochs(1, 5), *recorded.measured(5)]
    run = recorded.write(
        store, recorded.make_id(1, "train", "recorded"), said, scenario="train", environment="recorded"
    )
    run.file("scenario.yaml").unlink()
    record = msgspec.structs.replace(run.record(), recorded=program)
    run.file("run.json").write_bytes(msgspec.json.encode(record))
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await pilot.press("2")
        await shows(pilot, "! interrupted", "train", "recorded")
        assert app.screen.check_action("resume", ()) is None
        await pilot.press("r", "enter")
        await shows(pilot, "train  recorded  seed 0", "training phase")
        assert app.screen.check_action("resume", ()) is None and not tickets.tickets(store)
        await pilot.press("w")
        await shows(pilot, "0.99^5 = 0.951", "bn_00")
        await pilot.press("m")
        await shows(pilot, "A recording keeps no trace")
        assert "repro run train" not in text_of(app)


# -- why


@pytest.mark.parametrize("size", SIZES)
async def test_why_names_the_layer_where_the_paths_part(make_app: MakeApp, store: Path, size: tuple[int, int]) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✓ reproduced")
        await pilot.press("w")
        await shows(pilot, "conv1_bn", "part at layer 1", "0.99^5")
        await pilot.press("f", "escape")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))


async def test_why_without_arrays_or_layers_says_so(make_app: MakeApp, store: Path) -> None:
    said = [*recorded.beginning(), *recorded.epochs(1, 5), *recorded.measured(1), *recorded.measured(5)]
    with_layers = recorded.write(store, recorded.make_id(1), said)
    without = recorded.write(store, recorded.make_id(2), recorded.beginning())
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        from tui.screens.why import WhyScreen

        await until(pilot, lambda: app.session.loaded)
        app.push_screen(WhyScreen(with_layers.id))
        await shows(pilot, "holds no arrays", "bn_00", "after epoch 5")
        await pilot.press("left")
        await shows(pilot, "after epoch 1", "0.99^1")
        app.push_screen(WhyScreen(without.id))
        await shows(pilot, "measured no BatchNormalization layer")


# -- runs


async def test_an_empty_store_says_how_to_begin(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        await pilot.press("2")
        await shows(pilot, "No runs yet", "0 runs")
        await pilot.press("enter", "space", "d", "u", "e", "r", "3")
        await shows(pilot, "Mark two runs or more", "nothing was run yet")


async def test_a_thousand_runs_are_filtered_and_sorted(make_app: MakeApp, store: Path) -> None:
    for index in range(1000):
        recorded.light(store, index, "NOT_REPRODUCED" if index == 500 else "REPRODUCED")
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 30)) as pilot:
        await pilot.press("2")
        await shows(pilot, "1000 runs, newest first")
        await until(pilot, lambda: all(run.state == "finished" for run in app.session.runs()), 20)
        await pilot.press("slash", *"not", "space", *"seed", "enter")
        await shows(pilot, "1 of 1000", "✗ not reproduced")
        await pilot.press("escape", "s")
        await shows(pilot, "1000 runs, oldest first")
        await pilot.press("end")
        listing = app.screen.query_one(RunList)
        await until(pilot, lambda: listing.cursor == 999)
        await pilot.press("home", "pagedown")
        await until(pilot, lambda: 5 < listing.cursor < 40)


async def test_a_deleted_run_is_taken_back(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    keep = recorded.finished(store, 2)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await pilot.press("2")
        await shows(pilot, "2 runs")
        await pilot.press("d")
        await shows(pilot, "1 run,", "u takes it back", "$ repro delete ")
        assert len(Store(store).runs()) == 1
        await pilot.press("u")
        await shows(pilot, "2 runs")
        assert keep.path.exists()


async def test_a_running_run_is_not_deleted(make_app: MakeApp, store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), recorded.beginning())
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        with run.acquire():
            await pilot.press("2")
            await shows(pilot, "● running")
            screen = app.screen
            assert isinstance(screen, RunsScreen)
            screen.action_delete()
            await shows(pilot, "is running")
        assert run.path.exists()


async def test_the_mouse_opens_a_run(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        from tui.widgets.chrome import Header, KeyHints

        await pilot.click(Header, offset=(22, 0))
        await shows(pilot, "1 run,")
        await pilot.click(RunList, offset=(5, 0), times=2)
        await shows(pilot, "Loss in fit")
        await until(pilot, lambda: app.screen.query_one(KeyHints).region.bottom == 30)  # laid out
        await pilot.click(KeyHints, offset=(3, 0))
        await shows(pilot, "1 run,")


# -- compare


@pytest.mark.parametrize("size", SIZES)
async def test_two_runs_are_compared(make_app: MakeApp, store: Path, size: tuple[int, int]) -> None:
    recorded.finished(store, 1)
    recorded.finished(store, 2, environment="keras-2.0.9", seed=1)
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await pilot.press("2")
        await shows(pilot, "2 runs")
        await pilot.press("space", "space", "3")
        await shows(pilot, "A  original-bug", "B  original-bug", "Loss in fit")
        app.screen.query_one("#comparison").scroll_end(animate=False)
        await shows(pilot, "Last verdicts", "✓ reproduced")


async def test_only_what_differs_is_shown(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    recorded.finished(store, 2, seed=1)
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 60)) as pilot:
        await pilot.press("2")
        await shows(pilot, "2 runs")
        await pilot.press("space", "space", "3")
        await shows(pilot, "Predictions", "≠ seed", "rows are the same: a shows them")
        assert "threads" not in text_of(app)
        await pilot.press("a")
        await shows(pilot, "threads", "--all-rows")
        await pilot.press("x")
        await shows(pilot, "One run is marked")


# -- doctor, report, help, palette, leaving


async def test_the_doctor_gives_remedies(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await pilot.press("4")
        await shows(pilot, "✓ good", "$ repro doctor", seconds=30)


async def test_the_report_says_what_an_export_would_hold(make_app: MakeApp, store: Path) -> None:
    run = make_run(store).run
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 90)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✓ reproduced")
        await pilot.press("e")
        await shows(pilot, "README.md", "runs/…abcd/run.json", "3 images in", "nothing had to be replaced")
        await shows(pilot, "Issue text for keras", "**System information**")
        await pilot.press("f", "n")
        await shows(pilot, "Issue text for tensorflow", "--no-images", "Stays out", "images stay here")
        await pilot.press("i")
        await shows(pilot, "copied the issue text")


async def test_the_report_says_what_is_replaced(make_app: MakeApp, store: Path) -> None:
    import getpass

    run = make_run(store, log=f"saved to /home/{getpass.getuser()}/weights by somebody@example.org\n").run
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 90)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_report([run.id])
        await shows(pilot, "1 × <", "in runs/…abcd/worker.log")


async def test_one_key_writes_bundle_and_issue_text_and_nothing_is_written_over(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from repro.bundle import issue_text, read

    ready, write = threading.Event(), issue_text.write

    def write_late(run: RunView, tracker: issue_text.Tracker) -> issue_text.IssueText:
        ready.wait(20)
        return write(run, tracker)

    monkeypatch.setattr(issue_text, "write", write_late)
    monkeypatch.chdir(tmp_path)
    view = make_run(store)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_report([view.id])
        await shows(pilot, "x writes abcd.zip and abcd-issue.md", "-o abcd.zip")
        await pilot.press("x")  # too early: the issue text is not there yet
        await shows(pilot, "the issue text is being made")
        ready.set()
        await shows(pilot, "wrote abcd.zip and abcd-issue.md", "x writes abcd-2.zip")
        text = write(view, "keras").text
        assert app.clipboard == text
        await pilot.press("x")
        await shows(pilot, "x writes abcd-3.zip")
    for name in ("abcd.zip", "abcd-2.zip"):
        with read.opened(tmp_path / name) as bundle:
            assert [run.id for run in bundle.manifest.runs] == [view.id]
    assert (tmp_path / "abcd-issue.md").read_text() == text


async def test_a_run_without_an_issue_text_is_exported_all_the_same(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    run = make_run(store, finished=False).run
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_report([run.id])
        await shows(pilot, "abcd is interrupted: it", "x writes abcd.zip into this folder")
        assert " issue " not in app.screen.command
        await pilot.press("x")
        await shows(pilot, "wrote abcd.zip into")
    assert (tmp_path / "abcd.zip").is_file() and not (tmp_path / "abcd-issue.md").exists()


async def test_a_run_that_is_not_as_it_was_made_is_refused_in_one_line(make_app: MakeApp, store: Path) -> None:
    run = make_run(store).run
    run.file("worker.log").write_text("changed\n")
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_report([run.id])
        await shows(pilot, "repro: ", "worker.log: is not as the run")
        await pilot.press("x")
        await until(pilot, lambda: any(notice.severity == "error" for notice in app._notifications))
        assert not Path("abcd.zip").exists()


@pytest.mark.parametrize(("own", "choices"), [(False, 2), (True, 3)])
async def test_images_of_ones_own_go_into_a_bundle_only_when_asked_for(
    make_app: MakeApp, store: Path, own: bool, choices: int
) -> None:
    run = make_run(store, run=lambda record: record.update(shipped_images=not own)).run
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_report([run.id])
        await shows(pilot, "x writes")
        screen = app.screen
        assert isinstance(screen, ReportScreen)
        seen = []
        for _ in range(choices):
            seen.append(screen.words(preview=True)[3:])
            await pilot.press("n")
            await until(pilot, lambda: choices == 1 or screen.words(preview=True)[3:] != seen[-1])
        assert seen == [[], ["--no-images"], ["--with-images"]][:choices]
        assert screen.words(preview=True)[3:] == []


async def test_the_doctor_puts_no_tick_beside_what_is_missing(
    make_app: MakeApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    from repro import doctor

    found = [
        doctor.Finding("good", "keras-3", "installed as locked"),
        doctor.Finding("good", "tf-2.6", "not installed", "repro environment install tf-2.6"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda _: found)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await pilot.press("4")
        await shows(pilot, "All that runs need is here.", "✓ good     keras-3", "· note     tf-2.6")


async def test_help_shows_the_keys_that_count_here(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 50)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("f1")
        await shows(pilot, "Run the chosen or marked scenarios", "Show all runs", "claim")
        said = text_of(app)
        assert said.index("Keys: Library") < said.index("What this is") < said.index("Keys: Go")
        await pilot.press("escape")
        await shows(pilot, "The report")


async def test_help_tells_of_whatever_has_the_focus(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 50)) as pilot:
        await shows(pilot, "original-bug")
        await until(pilot, lambda: app.session.loaded)
        for keys in ((), ("r",), ("escape", "2"), ("3",), ("4",), ("2", "enter"), ("w",), ("escape", "e")):
            await pilot.press(*keys)
            await until(pilot, lambda: app.screen.focused is not None)
            place = app.screen
            for widget in list(place.focus_chain):
                place.set_focus(widget)
                await pilot.press("f1")
                await shows(pilot, "What has the focus")
                await pilot.press("escape")
                await until(pilot, lambda: app.screen is place)  # noqa: B023 (it is over before the next turn)
        assert run.id in app.session.run_ids


async def test_the_palette_names_area_verb_and_object(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 40)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("f2")
        await shows(pilot, "a       Library: Run all scenarios", "3       Go: Compare the marked runs")
        said = text_of(app)
        assert said.index("Library: Watch") < said.index("Go: ") < said.index("Screen: ")
        await pilot.press(*"use theme light")
        await shows(pilot, "View: Use theme light")
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.theme == "repro-light")
    assert make_app().session.settings.theme == "repro-light"


async def test_ctrl_p_and_ctrl_q_belong_to_docker(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("ctrl+p", "ctrl+q")
        await pilot.pause()
        assert app.is_running and isinstance(app.screen, LibraryScreen)


async def test_q_leaves_at_once_when_nothing_runs(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await shows(pilot, "original-bug")
        await pilot.press("q")
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0


async def test_q_asks_while_a_run_goes_on(make_app: MakeApp, store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        with run.acquire():
            await shows(pilot, "● original-bug 2/5")
            await pilot.press("q")
            await shows(pilot, "Leave?", "Leave running", "Stop with checkpoint", "Stay")
            await pilot.press("escape")
            await shows(pilot, "The report")
            await pilot.press("q", "s")
            await until(pilot, lambda: run.file("stop").exists())
            assert app.is_running
        await until(pilot, lambda: not app.is_running)
    assert app.return_value == 0


async def test_in_a_container_leaving_means_stopping(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import repro.environment.record

    image = tmp_path / "image.json"
    image.write_text("{}")
    monkeypatch.setattr(repro.environment.record, "IMAGE_FILE", image)
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(80, 24)) as pilot:
        with run.acquire():
            await shows(pilot, "● original-bug 2/5")
            await pilot.press("q")
            await shows(pilot, "end with this container", "Stop with checkpoint")
            assert "Leave running" not in text_of(app)


async def test_the_command_line_is_copied_and_kept_in_a_file(make_app: MakeApp, tmp_path: Path) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "$ repro run original-bug")
        await pilot.press("y")
        await shows(pilot, "copied the command line")
    assert (tmp_path / "settings" / "copied.txt").read_text().startswith("repro run original-bug")


async def test_too_small_says_so_and_large_enough_goes_on(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(59, 17)) as pilot:
        await shows(pilot, "59 x 17 is too small", "60 x 18")
        await pilot.resize_terminal(60, 18)
        await shows(pilot, "original-bug")


async def test_every_screen_works_without_colour(
    make_app: MakeApp, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    run = recorded.finished(store, 1)
    recorded.finished(store, 2, seed=1)
    app = make_app()
    assert app.no_color
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await shows(pilot, "✓ keras-3")
        await pilot.press("2")
        await shows(pilot, "2 runs", "✓ reproduced")
        await pilot.press("space", "space")
        await until(pilot, lambda: len(app.session.marked) == 2)
        await pilot.press("3")
        await shows(pilot, "A  original-bug", "✗ class")
        app.open_run(run.id)
        await shows(pilot, "Loss in fit")


@pytest.mark.parametrize("theme", ["repro-dark", "repro-light", "repro-contrast", "repro-terminal"])
async def test_every_theme_draws_every_word(make_app: MakeApp, store: Path, theme: str) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    app.theme = theme
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await shows(pilot, "✓ keras-3")
        app.open_run(run.id)
        await shows(pilot, "Loss in fit", "✓ held")
        await pilot.press("w")
        await shows(pilot, "conv1_bn")


async def test_the_cursor_is_seen_in_the_terminals_own_colours(make_app: MakeApp, store: Path) -> None:
    recorded.finished(store, 1)
    app = make_app()
    app.theme = "repro-terminal"
    async with app.run_test(notifications=True, size=(120, 40)) as pilot:
        await shows(pilot, "✓ keras-3")
        for keys, name in (((), "#scenarios"), (("2",), "#list")):
            await pilot.press(*keys)
            await until(pilot, lambda name=name: app.screen.query(name) and app.screen.query_one(name).has_focus)
            segments = [segment for y in range(4) for segment in app.screen.query_one(name).render_line(y)]
            assert any(segment.style is not None and segment.style.reverse for segment in segments), name


async def test_a_run_that_cannot_start_says_why(make_app: MakeApp, store: Path) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug")
        ticket = tickets.add(store, "original-bug", "keras-3", 0, ["run"])
        import msgspec

        tickets._write(store, msgspec.structs.replace(ticket, error="repro: no interpreter: install it"))
        await shows(pilot, "could not start", "no interpreter")
        await until(pilot, lambda: tickets.tickets(store) == [])


async def test_a_notice_tells_how_a_run_ended(make_app: MakeApp, store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(), *recorded.epochs(1, 2)])
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        with run.acquire():
            await shows(pilot, "● original-bug 2/5")
        await shows(pilot, "interrupted")
        assert app.query(OptionList) is not None
