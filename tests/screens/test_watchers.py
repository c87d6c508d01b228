"""From run directories to messages."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.summary import RunSummary, summarise
from repro.runs.view import RunView
from tests.support.runs import recorded
from tui import settings
from tui.watchers import RunFollower, RunNews, StoreUpdate, StoreWatcher

ENVIRONMENTS = ["keras-3", "keras-3-gpu", "keras-2.0.9"]


def summary(run: RunDirectory) -> RunSummary:
    return summarise(RunView(run))


def test_the_id_says_when_what_where() -> None:
    found = RunSummary.from_id(recorded.make_id(7, "momentum-0.01", "keras-3-gpu", 12), ENVIRONMENTS)
    assert (found.scenario, found.environment, found.seed) == ("momentum-0.01", "keras-3-gpu", 12)
    assert RunSummary.from_id("nonsense", ENVIRONMENTS).scenario == "nonsense"


def test_every_state_is_told(store: Path) -> None:
    said = [*recorded.beginning(), *recorded.epochs(1, 3)]
    going = recorded.write(store, recorded.make_id(1), said)
    with going.acquire():
        assert summary(going).state == "running"
    assert summary(going).state == "interrupted"
    stopped = recorded.write(
        store, recorded.make_id(2), [*said, events.RunEnded(state="stopped", reason="on request", exit_code=4)]
    )
    assert (summary(stopped).state, summary(stopped).reason) == ("stopped", "on request")
    failed = recorded.write(store, recorded.make_id(3), [*said, events.RunEnded(state="failed", reason="killed")])
    assert summary(failed).state == "failed"
    damaged = recorded.write(store, recorded.make_id(4), said)
    damaged.file("run.json").write_text("{")
    assert summary(damaged).state == "damaged"
    torn = recorded.write(store, recorded.make_id(5), said)
    torn.file("events.jsonl").write_bytes(torn.file("events.jsonl").read_bytes() + b'{"event":"epoch_fin')
    assert (summary(torn).state, summary(torn).epoch) == ("interrupted", 3)
    done = recorded.finished(store, 6)
    assert (summary(done).state, summary(done).verdict) == ("finished", "REPRODUCED")
    assert summary(done).predict_accuracy == pytest.approx(1 / 3)


def watch(store: Path) -> tuple[StoreWatcher, list[StoreUpdate]]:
    told: list[StoreUpdate] = []
    return StoreWatcher(store, ENVIRONMENTS, told.append), told


def test_the_watcher_tells_names_first_then_what_changed(store: Path) -> None:
    for index in range(100):
        recorded.light(store, index)
    watcher, told = watch(store)
    watcher.look()
    assert told[0].ids is not None and len(told[0].ids) == 100 and not told[0].summaries
    assert told[0].ids[0] > told[0].ids[-1]
    assert sum(len(news.summaries) for news in told) == 100
    told.clear()
    watcher.look()
    assert told == []
    recorded.light(store, 100)
    watcher.look()
    assert [len(news.summaries) for news in told] == [0, 1]


def test_the_newest_run_of_each_kind_is_timed_once(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoreWatcher, "TIMINGS_AT_A_LOOK", 2)
    for index, environment in enumerate((*ENVIRONMENTS, "keras-3")):
        recorded.finished(store, index, environment=environment)
    watcher, told = watch(store)

    def timed() -> list[tuple[str, float]]:
        told.clear()
        watcher.look()
        return [(timing.work.environment, timing.total) for news in told for timing in news.timings]

    seconds = summary(RunDirectory(store / recorded.make_id(0))).seconds
    assert timed() == [("keras-3", seconds), ("keras-2.0.9", seconds)], "the newest first, two at a look"
    assert timed() == [("keras-3-gpu", seconds)]
    assert timed() == []
    recorded.finished(store, 5)
    assert timed() == [("keras-3", seconds)]
    recorded.light(store, 6)  # its scenario cannot be read
    assert timed() == []


def test_the_watcher_survives_a_store_that_is_not_there(tmp_path: Path) -> None:
    watcher, told = watch(tmp_path / "none")
    watcher.look()
    assert [news.ids for news in told] == [[]]


def follow(run: RunDirectory) -> tuple[RunFollower, list[RunNews]]:
    told: list[RunNews] = []
    return RunFollower(run, told.append), told


def test_a_follower_reads_on_where_it_was(store: Path) -> None:
    said = [*recorded.beginning(), *recorded.epochs(1, 2)]
    run = recorded.write(store, recorded.make_id(1), said, log="one\ntwo\nthr")
    with run.acquire():
        follower, told = follow(run)
        follower.look()
        assert told[0].state == "running" and told[0].record is not None and told[0].scenario is not None
        assert told[0].log == ["one", "two"]
        recorded.append(run, recorded.epochs(3, 3), len(said))
        with run.file("worker.log").open("a") as stream:
            stream.write("ee\n")
        follower.look()
        assert [type(event) for event in told[1].events] == [events.EpochFinished]
        assert told[1].log == ["three"]
    follower.look()
    assert told[2].state == "interrupted"


def test_twenty_thousand_events_come_in_pieces(store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), [*recorded.beginning(20_000), *recorded.epochs(1, 20_000)])
    follower, told = follow(run)
    while follower.look():
        pass
    assert sum(len(news.events) for news in told) == 20_007
    assert max(len(news.events) for news in told) < 4000


def test_damage_is_told_once_and_hides_nothing(store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), recorded.beginning(), log="last words\n")
    run.file("events.jsonl").write_bytes(b"\xff\xfe\n")
    follower, told = follow(run)
    follower.look()
    follower.look()
    assert [news.state for news in told] == ["damaged"]
    assert "damaged" in told[0].damage and told[0].log == ["last words"]


def test_a_long_log_is_read_from_its_end(store: Path) -> None:
    run = recorded.write(store, recorded.make_id(1), recorded.beginning(), log="x" * 99 + "\n")
    run.file("worker.log").write_text(("x" * 99 + "\n") * 200_000 + "the end\n")
    follower, told = follow(run)
    follower.look()
    assert told[0].log[-1] == "the end" and len(told[0].log) < 2000


def test_settings_survive_damage_and_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    kept = settings.Settings(theme="repro-light", seeds="0:3")
    assert settings.save(kept, tmp_path / "a" / "b")
    assert settings.load(tmp_path / "a" / "b") == kept
    (tmp_path / "a" / "b" / "tui.json").write_text("{nonsense")
    assert settings.load(tmp_path / "a" / "b") == settings.Settings()
    (tmp_path / "file").touch()
    assert not settings.save(kept, tmp_path / "file" / "sub")
