"""Clocks that are set back or forward, and time zones: durations, order and states survive."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from repro.environment import definition
from repro.queue import tickets
from repro.runs import events, ids
from repro.runs.directory import RunDirectory
from repro.runs.ids import new_id
from repro.runs.progress import Progress
from repro.runs.store import Store
from tests.support.command_line import Answer
from tests.support.places import Place
from tests.support.runs.planned import create, epoch, make, started, write_events
from tests.support.stage import Stage

HOUR = 3600.0
TIMED = """\
send('stage_started', stage='import'); time.sleep(0.4)
send('stage_started', stage='fit')
for number in range(3):
    time.sleep(0.2)
    epoch(number + 1)
send('stage_started', stage='measure'); time.sleep(0.3)
send('predicted', epoch=3, probabilities=[[1.0, 0.0, 0.0]] * 3, call='model.predict')
send('weights_hashed', sha256='0' * 64)
send('training_finished', peak_memory_bytes=1)
"""


class Clock:
    """The wall clock, which somebody sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        real = time.time
        self.off = 0.0
        monkeypatch.setattr(time, "time", lambda: real() + self.off)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that a test sets."""
    return Clock(monkeypatch)


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_durations_survive_a_clock_that_is_set_while_a_run_goes_on(
    stage: Callable[..., Stage], clock: Clock, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    monkeypatch.setattr("repro.supervise.supervisor.HEARTBEAT_SECONDS", 0.05)
    one = stage(TIMED)

    def set_clock(event: events.AnyEvent) -> None:
        if isinstance(event, events.EpochFinished) and event.epoch in (1, 3):
            clock.off += jump

    assert one(set_clock) == 0
    result = one.run.result()
    assert result is not None
    seconds = result.seconds
    # The worker sleeps 0.4, 0.6 and 0.3 s; a stage's ends are told with the delay of a busy machine, either of them.
    assert all(0.05 < seconds[stage] < 60 for stage in ("import", "fit", "measure")), seconds
    assert 1 <= seconds["total"] < 120
    times = [event.time for event in one.seen if not isinstance(event, events.Heartbeat)]
    assert times == sorted(times)
    beats = [event.time for event in one.seen if isinstance(event, events.Heartbeat)]
    assert (max(beats) - min(beats) > HOUR) and beats[0] * jump < beats[-1] * jump


@pytest.mark.parametrize("jump", [-HOUR, HOUR])
def test_durations_survive_a_clock_that_was_set_between_two_stretches(
    stage: Callable[..., Stage], clock: Clock, jump: float
) -> None:
    one = stage("send('stage_started', stage='fit'); time.sleep(0.3); epoch(1); sys.exit(1)")
    assert one() == 4
    clock.off = jump
    from repro.supervise import worker_process
    from tests.support.stand_in_worker import PRELUDE

    worker_process.WORKER.write_text(PRELUDE + TIMED)
    assert one.resume() == 0
    result = one.run.result()
    assert result is not None
    # The worker sleeps 0.3 and 0.6 s in fit; both ends of an attempt are told with the delay of a busy machine.
    assert 0.3 <= result.seconds["fit"] < 60 and 1 <= result.seconds["total"] < 120


def test_a_log_of_an_older_clock_gives_no_negative_durations() -> None:
    progress = Progress()
    for at, event in [
        (1000.0, started()),
        (1001.0, events.StageStarted(stage="import")),
        (400.0, events.StageStarted(stage="fit")),
        (9000.0, events.Heartbeat(boot_id="b")),
        (399.0, events.RunEnded(state="interrupted")),
    ]:
        progress.take(msgspec.structs.replace(event, time=at))
    assert progress.seconds == {"import": 0.0, "fit": 0.0} and progress.seconds_so_far == 0.0


def test_heartbeats_carry_a_run_on_by_no_more_than_their_interval() -> None:
    progress = Progress()
    for at, event in [(100.0, started()), (104.0, epoch(1)), (7000.0, events.Heartbeat(boot_id="b"))]:
        progress.take(msgspec.structs.replace(event, time=at))
    assert progress.seconds_so_far == 4.0 + events.HEARTBEAT_SECONDS
    progress.take(msgspec.structs.replace(epoch(2), time=106.0))
    assert progress.seconds_so_far == 6.0
    progress.take(msgspec.structs.replace(events.Heartbeat(boot_id="b"), time=108.0))
    assert progress.seconds_so_far == 8.0


def test_the_time_left_comes_from_the_workers_own_clock(folder: Path, store: Path, clock: Clock) -> None:
    run = make(folder, store, started(epochs=10), epoch(1), epoch(2))
    clock.off = -HOUR
    write_events(run, epoch(3))
    assert run.progress().seconds_left == 7.0


@pytest.mark.parametrize(("back", "kept"), [(timedelta(hours=14), True), (timedelta(days=2), False)])
def test_last_is_the_run_that_was_made_last(
    folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch, back: timedelta, kept: bool
) -> None:
    """Also after the clock was set back, by less than a day: then by far the most, a wrong zone among them."""
    first = make(folder, store)

    class Earlier(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) - back

    monkeypatch.setattr(ids, "datetime", Earlier)
    later = [make(folder, store, seed=seed) for seed in (1, 2)]
    assert (Store(store).runs() == [first, *later]) == kept
    assert (Store(store).find("last") == later[-1]) == kept
    assert [run.record().seed for run in Store(store).runs() if run != first] == [1, 2]


def test_an_id_far_in_the_future_is_not_followed() -> None:
    far = "20990101T000000.000000Z-a-keras-3-s0-abcd"
    assert new_id("a", "keras-3", 0, far) < far
    near = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y%m%dT%H%M%S.%fZ") + "-a-keras-3-s0-zzzz"
    assert new_id("a", "keras-3", 0, near) > near
    for odd in ("", "nothing", "99999999T999999.999999Z-x"):
        assert new_id("a", "keras-3", 0, odd) > "2"


def test_a_sign_of_life_from_the_future_is_none(folder: Path, store: Path, clock: Clock) -> None:
    """The machine died, its clock was set back, and it has booted since: the run can be resumed."""
    run = make(folder, store, started(boot_id="another"))
    assert run.state() == "elsewhere"
    clock.off = -HOUR
    assert run.state() == "interrupted"


def test_tickets_stay_in_turn(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = tickets.add(store, "a", "keras-3", 0, ["run"])
    real = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: real() - 3_600_000_000_000)
    names = [first.name, *(tickets.add(store, "a", "keras-3", seed, ["run"]).name for seed in (1, 2))]
    assert [ticket.name for ticket in tickets.tickets(store)] == names == sorted(names)


def test_what_is_swept_is_old_by_a_clock_that_may_have_been_set(folder: Path, store: Path, clock: Clock) -> None:
    store.mkdir()
    (store / ".new-young").mkdir()
    clock.off = -HOUR
    Store(store).check_writable()
    assert (store / ".new-young").is_dir()


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "nonsense"])
def test_time_zones_change_no_figure(place: Place, zone: str) -> None:
    assert place.run(variables={"TZ": zone}).code == 0
    (run,) = place.runs()
    made = datetime.strptime(run.id.partition("-")[0], "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    assert abs((datetime.now(UTC) - made).total_seconds()) < 120
    assert abs(run.record().started - made.timestamp()) < 1

    def printed(at: str) -> list[Answer]:
        return [place(*words, variables={"TZ": at}) for words in (["runs", "--json"], ["show", "last"])]

    assert printed("UTC") == printed(zone)
    assert json.loads(printed(zone)[0].out)["runs"][0]["state"] == "finished"


def test_a_run_directory_says_what_became_of_it_whatever_the_clock(folder: Path, store: Path, clock: Clock) -> None:
    run, lock = create(folder, store)
    for clock.off in (-10 * HOUR, 0.0, 10 * HOUR):
        assert run.state() == "running"
    lock.close()
    write_events(run, started(), events.RunEnded(state="stopped"))
    for clock.off in (-10 * HOUR, 0.0, 10 * HOUR):
        assert RunDirectory(run.path).state() == "stopped"
    assert run.record().environment == definition.DEFAULT
