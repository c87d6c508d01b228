"""Recordings on the screens: live while a program trains, and afterwards in Run, Why, What-if and Report."""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from repro.runs.directory import RunDirectory
from tests.support.recordings import closed_recording, unpack
from tests.support.screens import MakeApp, shows, text_of, until

pytestmark = pytest.mark.asyncio


@contextmanager
def training(store: Path, folder: Path) -> Iterator[tuple[RunDirectory, Callable[[str], None]]]:
    """Yield a recording whose program still trains, and a function that writes its events up to one of a kind."""
    source = unpack("few-updates", folder)
    run = RunDirectory(store / source.name)
    shutil.copytree(source, run.path)
    lines = run.file("events.jsonl").read_text().splitlines(keepends=True)
    run.file("events.jsonl").write_text("")

    def write_up_to(event: str) -> None:
        with run.file("events.jsonl").open("a") as stream:
            while lines:
                line = lines.pop(0)
                stream.write(line)
                if f'"event": "{event}"' in line:
                    return

    with run.file("run.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield run, write_up_to


async def test_a_recording_appears_and_follows_its_program(make_app: MakeApp, store: Path, tmp_path: Path) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("2")
        with training(store, tmp_path) as (run, write_up_to):
            write_up_to("epoch_finished")
            await shows(pilot, "● running", "few-updates")
            app.open_run(run.id)
            await shows(pilot, "a program's own training", "epoch 1 of 12", "fit: input", "240 rows")
            for epoch in (2, 3):
                write_up_to("epoch_finished")
                await shows(pilot, f"epoch {epoch} of 12")
            write_up_to("fit_ended")
            await shows(pilot, "epoch 12 of 12", "training phase", "inference")
            write_up_to("training_finished")
            write_up_to("run_ended")
        await until(pilot, lambda: "running" not in text_of(app).splitlines()[2])


async def test_a_recording_says_why_and_what_was_tried(make_app: MakeApp, store: Path) -> None:
    run = closed_recording("few-updates", store)
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "✓ recorded", "not-converged", "seen to work on this run", "Data", "240 rows")
        assert (
            "seed" not in text_of(app) and "Log of the worker" not in text_of(app) and "no images" not in text_of(app)
        )
        await pilot.press("w")
        await shows(pilot, "output apart", "▶ batch_normalization", "Moving statistics")
        await pilot.press("m")
        await shows(pilot, "Tried in the program", "momentum 0.5", "re-estimated in one pass", "repro what-if")


@pytest.mark.parametrize(("presses", "said"), [(0, ""), (1, "--with-script"), (2, "--with-script --with-data")])
async def test_the_report_of_a_recording_says_what_leaves(
    presses: int, said: str, make_app: MakeApp, store: Path
) -> None:
    run = closed_recording("few-updates", store)
    app = make_app()
    async with app.run_test(size=(160, 50)) as pilot:
        await until(pilot, lambda: app.session.loaded and app.session.summary(run.id).is_recording)
        app.open_report([run.id])
        for _ in range(presses):
            await pilot.press("n")
        await shows(pilot, "no program, no samples", "diagnosis.json", "Issue text for keras", "not converged", said)
        assert ("--with" in text_of(app)) == bool(said)


async def test_recordings_are_compared_without_images(make_app: MakeApp, store: Path) -> None:
    runs = [closed_recording(name, store).id for name in ("few-updates", "regression")]
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.session.marked = runs
        await pilot.press("3")
        await shows(pilot, "few-updates  a program's own training", "recorded.program", "regression.py")
        assert "image  label" not in text_of(app)
