"""The library: scenarios, the user's files, and what is put into the queue."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.events import Paste
from textual.widgets import Input

from repro.queue import tickets
from tests.support.runs import recorded
from tests.support.screens import SIZES, MakeApp, shows, text_of, until
from tui.screens.library import LibraryScreen

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("size", SIZES)
async def test_the_library_explains_the_first_scenario(make_app: MakeApp, size: tuple[int, int]) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await shows(pilot, "original-bug", "The report", "$ repro run original-bug")
        if size[0] >= 120:
            await shows(pilot, "not run yet")
        assert "nothing is running" in text_of(app)


async def test_a_click_chooses_a_scenario_and_a_second_one_asks_how_to_run_it(make_app: MakeApp) -> None:
    app = make_app()
    async with app.run_test(notifications=True, size=(100, 30)) as pilot:
        await shows(pilot, "original-bug", "forced-learning-phase")
        await pilot.click("#scenarios", offset=(5, 4))
        await shows(pilot, "The answer's first proof", "$ repro run forced-learning-phase")
        assert isinstance(app.screen, LibraryScreen)
        await pilot.click("#scenarios", offset=(5, 3))  # the group's title
        assert isinstance(app.screen, LibraryScreen) and app.screen.chosen.name == "forced-learning-phase"
        await pilot.click("#scenarios", offset=(5, 4), times=3)
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
        await shows(pilot, "Your files", "my-bug")
        assert "other" not in text_of(app)
        await pilot.press("end")
        await shows(pilot, "$ repro run ./mine.yaml", "A network of mine", "M1  fit is right")
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
