"""The store of run directories, and what show, runs and list print of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from repro.base.errors import InputError, UnusableError
from repro.runs import events, layout
from repro.runs.directory import RunDirectory, follow
from repro.runs.ids import PATTERN, new_id
from repro.runs.records import Result
from repro.runs.store import Store
from repro.supervise.supervisor import Supervisor
from tests.engine.conftest import Answer
from tests.engine.made_runs import create, epoch, made_supervisor, make, measured, started, whole, write_events

Repro = Callable[..., Answer]
RUN_KEYS = [
    "format",
    "run",
    "scenario",
    "environment",
    "seed",
    "state",
    "verdict",
    "degraded",
    "derived_from",
    "claims",
    "measurements",
    "seconds",
]


def finish(run: RunDirectory) -> Supervisor:
    """Conclude a run whose events are whole, as its supervisor would."""
    supervisor = made_supervisor(run)
    assert supervisor._conclude() in (0, 1)
    supervisor.log.close()
    return supervisor


# -- what is in a store -----------------------------------------------------------------------------------------------


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


# -- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("happened", "state"),
    [
        ([], "interrupted"),
        ([started(), epoch(1)], "interrupted"),
        ([started(), events.RunEnded(state="interrupted", exit_code=4)], "interrupted"),
        ([started(), events.RunEnded(state="failed", exit_code=4)], "failed"),
        ([started(), events.RunEnded(state="stopped", exit_code=4)], "stopped"),
        ([started(), events.RunEnded(state="finished")], "interrupted"),  # died before result.json
        ([started(), events.RunEnded(state="failed", exit_code=4), started(attempt=2)], "interrupted"),
        ([started(boot_id="another")], "elsewhere"),
        ([started(), events.Heartbeat(boot_id="another")], "elsewhere"),
        ([started(boot_id="another"), events.RunEnded(state="stopped")], "stopped"),
        ([events.Heartbeat(boot_id="another", time=time.time() - 3600)], "interrupted"),
    ],
)
def test_state(folder: Path, store: Path, happened: list[events.AnyEvent], state: str) -> None:
    assert make(folder, store, *happened).state() == state


def test_a_held_lock_is_a_running_run_in_another_process(folder: Path, store: Path) -> None:
    run = make(folder, store, started(), events.RunEnded(state="failed", exit_code=4))
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, sys; s = open(sys.argv[1], 'ab'); fcntl.flock(s, fcntl.LOCK_EX); print('held', flush=True); "
            "sys.stdin.read()",
            run.file("run.lock"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout is not None and holder.stdin is not None
        holder.stdout.readline()
        assert run.is_locked() and run.state() == "running"
        with pytest.raises(InputError, match="is running: watch it, or stop it first"):
            run.acquire()
        with pytest.raises(InputError, match="is running: stop it first"):
            Store(store).delete(run)
        holder.kill()
        holder.wait()
    assert not run.is_locked() and run.state() == "failed"
    run.acquire().close()


@pytest.mark.parametrize("name", [".probe-1-0", ".new-20260101T000000.000000Z-a-keras-3-s0-aaaa"])
def test_what_others_write_meanwhile_is_no_fault(store: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A probe is gone, and a new run has its name, between the moment they are listed and the next."""
    literal = Path.glob

    def glob(self: Path, pattern: str) -> list[Path]:
        found = list(literal(self, pattern))
        return [*found, store / name] if name.startswith(pattern.rstrip("*")) else found

    monkeypatch.setattr(Path, "glob", glob)
    Store(store).check_writable()


def test_resume_refuses(repro: Repro, folder: Path, store: Path) -> None:
    elsewhere = make(folder, store, started(boot_id="another"))
    repro("resume", elsewhere.id).refused(2, "is elsewhere: stop it where it runs")
    repro("delete", elsewhere.id).refused(2, "is elsewhere: stop it first")
    write_events(elsewhere, events.RunEnded(state="stopped", exit_code=4))
    assert repro("delete", elsewhere.id).code == 0
    run, lock = create(folder, store)
    with lock:
        repro("resume", run.id).refused(2, "is running: watch it, or stop it first")
        repro("delete", run.id).refused(2, "is running")
    repro("stop", run.id).refused(2, "is interrupted: only a running one can be stopped")
    write_events(run, *whole())
    finish(run)
    repro("resume", run.id).refused(2, "is finished: nothing is left to do")


def test_a_run_that_ends_while_a_resume_begins_is_left_alone(
    repro: Repro, folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(folder, store, started(), epoch(1))

    def meanwhile(_: object) -> list[str]:
        write_events(run, *whole())
        finish(run)
        return []

    monkeypatch.setattr("repro.environment.check.drift", meanwhile)
    repro("resume", run.id).refused(2, "is finished: nothing is left to do")
    assert run.state() == "finished" and not run.is_locked()


def test_resume_wants_the_environment_it_began_in(
    repro: Repro, folder: Path, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make(folder, store, started(), epoch(1))
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "none"))
    repro("resume", run.id).refused(3, "keras-3 is not installed")
    monkeypatch.setattr("repro.environment.check.drift", lambda _: ["numpy: locked 2, installed 1"])
    repro("resume", run.id).refused(3, "is not the one the run began in (numpy: locked 2, installed 1)")


# -- damage -----------------------------------------------------------------------------------------------------------


def damage(run: RunDirectory, how: str) -> None:
    file = run.file("run.json")
    match how:
        case "no run.json":
            file.unlink()
        case "torn run.json":
            file.write_bytes(file.read_bytes()[:50])
        case "not UTF-8":
            file.write_bytes(b"\xff\xfe")
        case "deep":
            file.write_bytes(b"[" * 100_000)
        case "wrong types":
            file.write_text('{"format": 1, "id": 3}')
        case "newer":
            file.write_text('{"format": 2, "all": "different"}')
        case "no format":
            file.write_text("{}")
        case "garbage in events":
            run.file("events.jsonl").write_bytes(b"\x1b[31mgarbage\n")
        case "damaged result":
            run.file("result.json").write_text("{")
        case "newer result":
            run.file("result.json").write_text('{"format": 7}')
        case "a file":
            import shutil

            shutil.rmtree(run.path)
            run.path.write_text("")
        case "another's name":
            file.write_bytes(file.read_bytes().replace(run.id.encode(), run.id[:-4].encode() + b"0000"))


@pytest.mark.parametrize(
    "how",
    [
        "no run.json",
        "torn run.json",
        "not UTF-8",
        "deep",
        "wrong types",
        "newer",
        "no format",
        "garbage in events",
        "damaged result",
        "newer result",
        "a file",
        "another's name",
    ],
)
def test_a_damaged_run_hides_no_other(repro: Repro, folder: Path, store: Path, how: str) -> None:
    before, bad, after = (make(folder, store, started(), seed=seed) for seed in range(3))
    damage(bad, how)
    listed = repro("runs", "--json")
    assert listed.code == 0 and listed.err == ""
    assert [(one["run"], one["state"]) for one in listed.json["runs"]] == [
        (before.id, "interrupted"),
        (bad.id, "damaged"),
        (after.id, "interrupted"),
    ]
    assert bad.state() == "damaged"
    text = repro("runs")
    assert text.code == 0 and "damaged" in text.out and "\x1b[31mgarbage" not in text.out
    shown = repro("show", bad.id, "--json")
    assert shown.json["state"] == "damaged" and shown.json["reason"]
    if how.startswith("newer"):
        assert "update repro" in shown.json["reason"]
    assert "\x1b[31mgarbage" not in repro("show", bad.id).out
    repro("resume", bad.id).refused(2, "is damaged: start it anew")
    assert repro("watch", bad.id).code == 2
    assert repro("list").code == 0
    assert repro("delete", bad.id).code == 0
    assert [run.id for run in Store(store).runs()] == [before.id, after.id]


# -- delete and follow ------------------------------------------------------------------------------------------------


def test_delete_and_restore(repro: Repro, folder: Path, store: Path) -> None:
    run = make(folder, store, started())
    moved = repro("delete", "last", "--json").json
    assert moved == {"format": 1, "run": run.id, "moved_to": str(store / ".trash" / run.id)}
    assert repro("runs", "--json").json == {"format": 1, "runs": []}
    assert Store(store).restore(run.id) == run
    assert [one["run"] for one in repro("runs", "--json").json["runs"]] == [run.id]


def test_follow_ends_with_the_run(folder: Path, store: Path) -> None:
    run, lock = create(folder, store)
    write_events(run, started(), epoch(1))
    found = []
    for event in follow(run, poll_seconds=0.01):
        found.append(event)
        if len(found) == 2:
            write_events(run, epoch(2))
            lock.close()
    assert [event.seq for event in found] == [0, 1, 2]


def test_follow_goes_on_where_locks_are_not_shared(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make(folder, store, started(boot_id="another"))
    naps = []

    def nap(_: float) -> None:
        naps.append(1)
        if len(naps) == 3:
            write_events(run, epoch(1), events.RunEnded(state="stopped"))

    monkeypatch.setattr("repro.runs.store.time.sleep", nap)
    assert [type(event).__name__ for event in follow(run)] == ["RunStarted", "EpochFinished", "RunEnded"]


def test_watch_a_run_that_is_over(repro: Repro, folder: Path, store: Path) -> None:
    run = make(folder, store, *whole())
    finish(run)
    answer = repro("watch", run.id, "--plain")
    assert answer.code == 0 and "REPRODUCED" in answer.out and "epoch 3/3" in answer.err
    failed = make(folder, store, started(), events.RunEnded(state="failed", reason="x", exit_code=4))
    assert repro("watch", failed.id).code == 4


# -- JSON shapes ------------------------------------------------------------------------------------------------------


def test_shape_of_a_finished_run(repro: Repro, folder: Path, store: Path) -> None:
    run = make(folder, store, *whole())
    finish(run)
    shown = repro("show", run.id, "--json").json
    assert list(shown) == RUN_KEYS
    assert (shown["format"], shown["run"], shown["scenario"]) == (1, run.id, "small")
    assert (shown["state"], shown["verdict"], shown["degraded"]) == ("finished", "REPRODUCED", False)
    assert shown["claims"] == [
        {
            "id": "C1",
            "says": "fit ends at accuracy 1",
            "value": "fit.accuracy",
            "outcome": "held",
            "measured": 1.0,
            "expected": "= 1.0",
        }
    ]
    measurements = shown["measurements"]
    assert measurements.keys() == {
        "fit",
        "evaluate",
        "evaluate_training_phase",
        "predict",
        "batch_norm",
        "weights_sha256",
    }
    assert measurements["fit"].keys() == {"loss", "accuracy"}
    assert measurements["evaluate"].keys() == measurements["evaluate_training_phase"].keys() == {"loss", "accuracy"}
    assert measurements["predict"].keys() == {"probabilities", "classes", "accuracy", "distinct_classes"}
    assert isinstance(shown["seconds"]["total"], float)
    listed = repro("runs", "--json").json
    assert list(listed) == ["format", "runs"]
    assert list(listed["runs"][0]) == [key for key in RUN_KEYS if key != "measurements"]


@pytest.mark.parametrize("happened", [[], [started(), epoch(1), *measured(1)], [started()]])
def test_shape_of_an_unfinished_run(repro: Repro, folder: Path, store: Path, happened: list[events.AnyEvent]) -> None:
    make(folder, store, *happened)
    shown = repro("show", "last", "--json").json
    assert set(RUN_KEYS) <= set(shown)
    assert (shown["state"], shown["verdict"]) == ("interrupted", None)
    assert [claim["outcome"] for claim in shown["claims"]] == ["unknown"]
    assert set(RUN_KEYS) - {"measurements"} <= set(repro("runs", "--json").json["runs"][0])


def test_a_run_whose_claim_names_an_environment_that_is_gone(repro: Repro, folder: Path, store: Path) -> None:
    file = folder / "s.yaml"
    file.write_text(file.read_text().replace("to: 1.0}", "to: 1.0, only: [keras-3]}"))
    run = make(folder, store, *whole())
    finish(run)
    kept = run.file("scenario.yaml")
    kept.write_text(kept.read_text().replace("only: [keras-3]", "only: [keras-9]"))
    repro("check", kept).refused(2, "no environment is called 'keras-9'")
    for words in (["show", "last"], ["watch", "last"], ["compare", "last", "last"], ["diagnose", "last"]):
        answer = repro(*words)
        assert answer.code == 0 and answer.err.count("repro: ") == 0, (words, answer)


def test_shape_of_a_damaged_run(repro: Repro, folder: Path, store: Path) -> None:
    damage(make(folder, store), "no run.json")
    assert set(RUN_KEYS) <= set(repro("show", "last", "--json").json)


def test_numbers_that_are_not_finite(repro: Repro, folder: Path, store: Path) -> None:
    happened = whole()
    happened[4] = epoch(3, loss="nan", accuracy="inf")
    finish(make(folder, store, *happened))

    def refuse(word: str) -> None:
        raise AssertionError(f"{word} is not JSON")

    shown = json.loads(repro("show", "last", "--json").out, parse_constant=refuse)
    assert shown["measurements"]["fit"]["loss"][-1] == "nan"
    assert shown["claims"][0]["measured"] == "inf"
    assert shown["verdict"] == "NOT_REPRODUCED"
    assert repro("show", "last").code == 0


def test_shape_of_list(repro: Repro, folder: Path, store: Path) -> None:
    finish(make(folder, store, *whole()))
    result = msgspec.json.decode(next(store.glob("2*/result.json")).read_bytes(), type=Result)
    file = next(store.glob("2*/result.json"))
    file.write_bytes(msgspec.json.encode(msgspec.structs.replace(result, scenario="original-bug")))
    listed = repro("list", "--json").json
    assert list(listed) == ["format", "scenarios"]
    assert all(list(row) == ["name", "title", "group", "verdicts"] for row in listed["scenarios"])
    rows = {row["name"]: row for row in listed["scenarios"]}
    assert {"original-bug", "momentum-0.01", "epochs-1000", "forced-learning-phase"} <= rows.keys()
    assert rows["original-bug"]["verdicts"] == {"keras-3": "REPRODUCED"}
    assert rows["epochs-1000"]["verdicts"] == {}


def test_schema_is_json(repro: Repro) -> None:
    schema = repro("schema").json
    assert schema["$schema"].endswith("2020-12/schema") and schema["title"] == "repro scenario"


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
