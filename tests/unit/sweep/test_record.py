"""What a sweep leaves on disk for whoever watches."""

from __future__ import annotations

import msgspec
import pytest

from repro.base.errors import InputError
from repro.runs.store import Store
from repro.sweep.record import SweepDirectory, sweeps
from tests.support.processes import until
from tests.support.sweeps import StandIn


def only(stand_in: StandIn) -> SweepDirectory:
    (found,) = sweeps(Store(stand_in.store))
    return found


def test_a_finished_sweep_says_what_the_command_said(stand_in: StandIn) -> None:
    assert sweeps(Store(stand_in.store)) == []
    done = stand_in.sweep("0:4", "--workers", "2")
    one = only(stand_in)
    record = one.record()
    assert one.state(record) == "finished" and (record.runs, record.finished, record.workers) == (4, 4, 2)
    assert msgspec.to_builtins(record.groups) == done.json["groups"]
    assert record.command[:2] == ["repro", "--store"] and "sweep" in record.command
    assert [entry.name for entry in one.path.iterdir() if entry.name != "lock"] == ["sweep.json"]


def test_a_sweep_is_watched_stopped_by_a_file_and_gone_on_with(stand_in: StandIn) -> None:
    stand_in.hold.touch()
    process = stand_in.start("sweep", stand_in.file, "--seeds", "0:3", "--workers", "1")
    until(lambda: stand_in.store.exists() and list(stand_in.store.glob("*/weights/c1.npz")))
    one = only(stand_in)
    until(lambda: one.record().groups[0].runs[0].state == "running")
    assert one.state(one.record()) == "running"
    one.request_stop()
    process.communicate(timeout=60)
    record = one.record()
    assert process.returncode == 4 and one.state(record) == "stopped" and record.finished == 0
    assert [run.reason for run in record.groups[0].runs][1:] == ["not begun", "not begun"]
    stand_in.hold.unlink()
    stand_in.sweep("0:3", "--workers", "1")
    again = only(stand_in)
    assert again != one and again.state(again.record()) == "finished", "the older one asked the same and is gone"
    assert [run.how for run in again.record().groups[0].runs] == ["resumed", "trained", "trained"]
    stand_in.sweep("0:2", "--workers", "1")
    assert len(sweeps(Store(stand_in.store))) == 2, "another question"
    stand_in.sweep("0:2", "--workers", "1", "--deterministic")
    assert len(sweeps(Store(stand_in.store))) == 3, "the same seeds, asked otherwise"
    stand_in.sweep("0:2", "--workers", "1")
    assert len(sweeps(Store(stand_in.store))) == 3


def test_a_sweep_that_was_killed_is_interrupted(stand_in: StandIn) -> None:
    stand_in.hold.touch()
    process = stand_in.start("sweep", stand_in.file, "--seeds", "0:2", "--workers", "1")
    until(lambda: stand_in.store.exists() and list(stand_in.store.glob("*/weights/c1.npz")))
    process.kill()
    process.communicate()
    one = only(stand_in)
    assert one.state(one.record()) == "interrupted"


def test_what_cannot_be_read_is_told(stand_in: StandIn) -> None:
    stand_in.sweep("0:1")
    one = only(stand_in)
    file = one.path / "sweep.json"
    file.write_bytes(msgspec.json.encode({"format": 2, "everything": "is different"}))
    with pytest.raises(InputError, match="format 2"):
        one.record()
    file.write_bytes(b"{")
    with pytest.raises(InputError, match="damaged"):
        one.record()
