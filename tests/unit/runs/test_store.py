"""The store of run directories: what is in it, what is found, what is moved out of it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from repro.base.errors import InputError, UnusableError
from repro.runs import layout
from repro.runs.directory import RunDirectory
from repro.runs.ids import PATTERN, new_id
from repro.runs.store import Store
from tests.support.command_line import Repro
from tests.support.runs.planned import (
    create,
    finish,
    make,
    started,
    whole,
)


def test_a_run_never_exists_without_its_lock(folder: Path, store: Path) -> None:
    run, lock = create(folder, store)
    assert run.is_locked() and run.state() == "running"
    assert {entry.name for entry in run.path.iterdir()} == {
        "arrays",
        "requirements.lock",
        "run.json",
        "run.lock",
        "scenario.yaml",
        "weights",
    }
    lock.close()
    assert not run.is_locked() and run.state() == "interrupted"


def test_a_run_that_cannot_be_made_leaves_nothing(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for error, expected in ((OSError(28, "full"), UnusableError), (KeyboardInterrupt(), KeyboardInterrupt)):

        def fail(*_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr("repro.runs.store.sync_folder", fail)
        with pytest.raises(expected):
            create(folder, store)
        assert [entry for entry in store.iterdir() if entry.name.startswith(".new")] == []


def test_what_was_left_half_made_is_swept_away(folder: Path, store: Path) -> None:
    store.mkdir()
    left, held, young = (store / f".new-{name}" for name in ("left", "held", "young"))
    for hidden in (left, held, young):
        hidden.mkdir()
        (hidden / "run.json").write_text("{")
        os.utime(hidden, (0, 0) if hidden != young else None)
    lock = RunDirectory(held).acquire()
    os.utime(held, (0, 0))
    (store / ".probe-1-abcd").touch()
    os.utime(store / ".probe-1-abcd", (0, 0))
    Store(store).check_writable()
    lock.close()
    assert sorted(path.name for path in store.iterdir()) == [".new-held", ".new-young"]


def test_ids_sort_by_time() -> None:
    made = [new_id("a-b", "keras-2.0.9", 3) for _ in range(50)]
    assert made == sorted(made) and len(set(made)) == 50
    assert all(PATTERN.match(run_id) for run_id in made)


def test_find(folder: Path, store: Path) -> None:
    runs = [make(folder, store, seed=seed) for seed in range(3)]
    chosen = Store(store)
    assert chosen.runs() == runs
    assert chosen.find("last") == runs[-1]
    for run in runs:
        assert chosen.find(run.id) == run
        assert chosen.find(run.id.rpartition("-")[2]) == run
        assert chosen.find(run.id[:-1]) == run
    with pytest.raises(InputError, match=r"means 3 runs .*: give more of the id"):
        chosen.find("2")
    for text in ("", "nothing", "..", runs[0].id + "x"):
        with pytest.raises(InputError, match="no run is called"):
            chosen.find(text)


def test_a_store_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert Store(tmp_path / "none").runs() == []
    with pytest.raises(InputError, match="has no runs"):
        Store(tmp_path / "none").find("last")


def test_other_things_in_a_store_are_left_alone(folder: Path, store: Path) -> None:
    run = make(folder, store)
    (store / "notes.txt").write_text("x")
    (store / ".new-20261124T000000.000000Z-a-b-s0-aaaa").mkdir()
    (store / "folder").mkdir()
    assert Store(store).runs() == [run]


RECORDED = {
    "format": 1,
    "recorder": "1",
    "script": "train.py",
    "script_sha256": "0" * 64,
    "arguments": [],
    "python": "3.12.1",
    "keras": "3.15.1",
    "keras_module": "keras",
    "generation": "keras-3",
}


def test_only_a_recording_has_no_scenario(folder: Path, store: Path) -> None:
    run = make(folder, store)
    scenario = run.scenario()
    assert scenario is not None and scenario.name == "small" and run.require_scenario() == scenario
    run.file(layout.SCENARIO).unlink()
    with pytest.raises(InputError, match=r"scenario\.yaml: there is no such file"):
        run.scenario()
    record = json.loads(run.file(layout.RECORD).read_bytes())
    run.file(layout.RECORD).write_text(json.dumps({**record, "recorded": RECORDED}))
    assert run.scenario() is None
    with pytest.raises(InputError, match="is a recording: it has no scenario"):
        run.require_scenario()


@pytest.mark.parametrize("name", [".probe-1-0", ".new-20260101T000000.000000Z-a-keras-3-s0-aaaa"])
def test_what_others_write_meanwhile_is_no_fault(store: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A probe is gone, and a new run has its name, between the moment they are listed and the next."""
    literal = Path.glob

    def glob(self: Path, pattern: str) -> list[Path]:
        found = list(literal(self, pattern))
        return [*found, store / name] if name.startswith(pattern.rstrip("*")) else found

    monkeypatch.setattr(Path, "glob", glob)
    Store(store).check_writable()


def test_delete_and_restore(repro: Repro, folder: Path, store: Path) -> None:
    run = make(folder, store, started())
    moved = repro("delete", "last", "--json").json
    assert moved == {"format": 1, "run": run.id, "moved_to": str(store / ".trash" / run.id)}
    assert repro("runs", "--json").json == {"format": 1, "runs": []}
    assert Store(store).restore(run.id) == run
    assert [one["run"] for one in repro("runs", "--json").json["runs"]] == [run.id]


def test_a_result_lists_every_other_file(folder: Path, store: Path) -> None:
    run = make(folder, store, *whole())
    run.file("weights/checkpoint-0000001.npz").write_bytes(b"x")
    run.file("environment.json").write_text("{}")
    finish(run)
    result = run.result()
    assert result is not None
    assert sorted(result.files) == [
        "arrays/images.npy",
        "environment.json",
        "events.jsonl",
        "requirements.lock",
        "run.json",
        "scenario.yaml",
    ]
