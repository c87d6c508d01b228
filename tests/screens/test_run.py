"""One run, finished, live, failed, damaged or recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from repro.queue import tickets
from repro.runs import events
from tests.support.runs import recorded
from tests.support.screens import SIZES, MakeApp, shows, text_of, until

pytestmark = pytest.mark.asyncio


@pytest.mark.parametrize("size", SIZES)
async def test_a_finished_run_shows_its_verdict(make_app: MakeApp, store: Path, size: tuple[int, int]) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(pilot, "original-bug", "✓ reproduced", "not-converged: moving statistics", "epoch 5 of 5")
        page = app.screen.query_one("#page")
        page.scroll_end(animate=False)
        await shows(pilot, "Log of the worker")


async def test_all_parts_of_a_finished_run_have_room_on_a_large_terminal(make_app: MakeApp, store: Path) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=(140, 74)) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        await shows(
            pilot,
            *("Right in training (3/3)", "predict", "boat", "label 0", "✗ 0", "boat.png", "Claims  7 of 7 held"),
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


@pytest.mark.parametrize("size", [(60, 18), (80, 24), (120, 36), (160, 50)], ids=lambda size: "x".join(map(str, size)))
async def test_the_outcome_of_each_image_is_on_the_first_page(
    make_app: MakeApp, store: Path, size: tuple[int, int]
) -> None:
    run = recorded.finished(store, 1)
    app = make_app()
    async with app.run_test(notifications=True, size=size) as pilot:
        await until(pilot, lambda: app.session.loaded)
        app.open_run(run.id)
        names = [image.name.removesuffix(".png") for image in run.record().images]
        await shows(pilot, "Right in training (3/3), wrong in predict (1/3)", "training 3/3", "predict  1/3", *names)
        lines = text_of(app).splitlines()
        rows = {
            name: next(line for line in lines if line.strip().startswith(f"{name} "))
            for name in ("training", "predict")
        }
        assert rows["training"].count("✓") == 3
        assert (rows["predict"].count("✓"), rows["predict"].count("✗")) == (1, 2)


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
            await shows(pilot, "✓ held    Q2", "✗ 1", "<1.0000", "✓ 2")
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
        await shows(pilot, "train  a program's own training", "Right in training")
        await shows(pilot, "only the program itself can train on", "$ repro show")
        assert "resume" not in text_of(app).replace("r Resume", "")
        assert app.screen.check_action("resume", ()) is None and not tickets.tickets(store)
        await pilot.press("w")
        await shows(pilot, "remaining distance", "bn_00")
        await pilot.press("m")
        await shows(pilot, "nothing was tried")
        assert "repro run train" not in text_of(app)
