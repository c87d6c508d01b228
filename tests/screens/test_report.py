"""The report: what an export would hold, bundle and issue text."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from repro.runs.view import RunView
from tests.support.runs import recorded
from tests.support.runs.copied import make_run
from tests.support.screens import MakeApp, shows, until
from tui.screens.report import ReportScreen

pytestmark = pytest.mark.asyncio


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
            seen.append(screen.export_arguments(preview=True)[3:])
            await pilot.press("n")
            await until(pilot, lambda: choices == 1 or screen.export_arguments(preview=True)[3:] != seen[-1])
        assert seen == [[], ["--no-images"], ["--with-images"]][:choices]
        assert screen.export_arguments(preview=True)[3:] == []
