"""When a worker is made ready ahead of time, and when not. No process is started but where it says so."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from repro.cli.standby import make_plan
from repro.queue import standby
from repro.queue.standby import EXPIRED, StandbyManager, StandbyProcess
from tests.support.standby import OTHER, WORDS, Fake


def test_one_spare_for_what_is_wanted(warming: StandbyManager) -> None:
    warming.look(busy=False)
    assert Fake.made == []
    warming.prepare_for(WORDS)
    for _ in range(3):
        assert warming.look(busy=False)
    (first,) = Fake.made
    assert not warming.is_ready
    first.is_ready = True
    assert warming.is_ready
    warming.prepare_for(OTHER)
    assert not warming.is_ready
    warming.look(busy=False)
    assert first.closed
    warming.look(busy=False)
    assert [one.arguments for one in Fake.made] == [WORDS, OTHER]
    warming.close()
    assert Fake.made[1].closed


def test_what_was_chosen_just_now_is_not_prepared(warming: StandbyManager, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StandbyManager, "REST_SECONDS", 60.0)
    warming.prepare_for(WORDS)
    warming.look(busy=False)
    assert Fake.made == []


def test_nothing_is_prepared_while_something_runs(warming: StandbyManager) -> None:
    warming.prepare_for(WORDS)
    warming.look(busy=True)
    assert Fake.made == []
    warming.look(busy=False)
    warming.look(busy=True)
    assert Fake.made[0].closed
    warming.look(busy=False)
    assert len(Fake.made) == 2


def test_it_goes_once_and_only_for_its_own_run(warming: StandbyManager, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not warming.go(WORDS)
    warming.prepare_for(WORDS)
    warming.look(busy=False)
    assert not warming.go(OTHER) and not Fake.made[0].is_gone
    assert warming.go(WORDS) and not warming.go(WORDS)
    assert warming.look(busy=False) and len(Fake.made) == 1, "it waits until the run is seen"
    warming.close()
    assert not Fake.made[0].closed, "the queue goes on without the screen"
    Fake.made[0].code = 1
    assert not warming.look(busy=False), "whoever was to work the queue off has ended"
    assert warming.look(busy=False)


def test_one_that_ended_is_not_started_again_and_again(warming: StandbyManager) -> None:
    warming.prepare_for(WORDS)
    warming.look(busy=False)
    Fake.made[0].code = EXPIRED
    for _ in range(3):
        warming.look(busy=False)
        warming.prepare_for(WORDS)
    assert len(Fake.made) == 1
    warming.prepare_for(WORDS, again=True)
    warming.look(busy=False)
    assert len(Fake.made) == 2, "somebody is there again"
    Fake.made[1].code = 1
    for _ in range(3):
        warming.look(busy=False)
        warming.prepare_for(WORDS, again=True)
    assert len(Fake.made) == 2, "it cannot be"


def test_it_can_be_turned_off(warming: StandbyManager, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    warming.prepare_for(WORDS)
    warming.look(busy=False)
    warming.is_on = False
    warming.look(busy=False)
    assert Fake.made[0].closed
    for one in (StandbyManager(tmp_path, on=False), warming):
        one.prepare_for(OTHER)
        one.look(busy=False)
    monkeypatch.setenv(standby.OFF, "1")
    assert not StandbyManager(tmp_path).is_on
    assert len(Fake.made) == 1


def test_a_plan_is_made_of_a_tickets_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from repro.base.errors import InputError
    from repro.environment import check

    monkeypatch.setattr(check, "drift", lambda *_: [])
    plan = make_plan(WORDS)
    assert (plan.scenario.name, plan.environment.name, plan.seed, plan.traced) == ("original-bug", "keras-3", 0, True)
    assert plan.command == ["repro", *WORDS]
    with pytest.raises(InputError):
        make_plan(["resume", "x"])
    with pytest.raises(InputError):
        make_plan([*WORDS, "--seed", "1"])


def test_a_spare_for_a_run_that_cannot_be_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A real process: the environments are said to lie where none are."""
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    one = StandbyProcess(tmp_path, WORDS)
    end = time.monotonic() + 30
    while (code := one.look()) is None:
        assert time.monotonic() < end
        time.sleep(0.02)
    assert code == 1 and not one.is_ready and not one.go()
    one.close()
