"""Whatever becomes of a program, the recorder neither causes nor changes it, and what was seen is on disk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.base.files import is_locked
from repro.explain.diagnosis import diagnose
from repro.recording.closing import ProcessEnd, close
from repro.runs.directory import RunDirectory
from tests.support.recorded_programs import Outcome, only, select

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    ("how", "code", "state"),
    [
        ("killed", -9, None),
        ("raises", 1, "failed"),
        ("interrupted", 0, "finished"),
        ("ctrl_c", -2, "interrupted"),
        ("thread_raises", 0, "finished"),
        ("os_exit", 7, None),
        ("forks", 3, "finished"),
        ("nan", 0, "finished"),
    ],
)
def test_a_program_ends_as_it_does_alone(
    how: str, code: int, state: str | None, run_program: Callable[..., Outcome]
) -> None:
    plain, recorded = run_program("faults.py", how, recorded=False), run_program("faults.py", how)
    assert (recorded.code, recorded.output, recorded.errors) == (plain.code, plain.output, plain.errors)
    assert plain.code == code
    events = recorded.events()
    assert [event["seq"] for event in events] == list(range(len(events)))
    assert len(select(events, "epoch_finished")) >= 2
    assert not is_locked(recorded.recordings[0] / "run.lock")
    assert [event["state"] for event in select(events, "run_ended")] == ([state] if state else [])


def test_threads_that_train_at_once_are_recorded_each(run_program: Callable[..., Outcome]) -> None:
    recorded = run_program("faults.py", "threads")
    assert (recorded.code, recorded.output) == (0, "joined\n")
    assert len(recorded.recordings) == 3
    for number in range(3):
        events = recorded.events(number)
        assert len(select(events, "epoch_finished")) == 3
        assert only(events, "fit_ended")["ended"] == "returned"
        assert not select(events, "recorder_failed")


def test_a_fit_within_a_fit_is_another_recording(run_program: Callable[..., Outcome]) -> None:
    plain, recorded = run_program("faults.py", "nested", recorded=False), run_program("faults.py", "nested")
    assert (recorded.code, recorded.output, recorded.errors) == (0, plain.output, plain.errors)
    assert [len(select(recorded.events(number), "epoch_finished")) for number in (0, 1)] == [4, 2]


def test_where_the_disk_is_full_the_recording_ends_and_the_program_does_not(
    run_program: Callable[..., Outcome],
) -> None:
    plain, recorded = run_program("faults.py", "full", recorded=False), run_program("faults.py", "full")
    assert (recorded.code, recorded.output) == (0, plain.output)
    said = [line for line in recorded.errors.splitlines() if line.startswith("repro: ")]
    assert len(said) == 1 and "the program continues" in said[0]
    run = RunDirectory(recorded.recordings[0])
    assert close(run, ProcessEnd(0)) == "interrupted" == run.state()
    assert "no BatchNormalization" not in diagnose(run)[0].says


@pytest.mark.parametrize("how", ["deletes", "unwritable"])
def test_a_store_that_cannot_be_written_is_said_once(
    how: str, run_program: Callable[..., Outcome], tmp_path: Path
) -> None:
    if how == "unwritable":
        recorded = run_program("faults.py", "forks", store=Path("/proc/nowhere"))
        assert recorded.code == 3
    else:
        recorded = run_program("faults.py", "deletes", store=tmp_path / "store")
        assert recorded.code == 0
    said = [line for line in recorded.errors.splitlines() if line.startswith("repro: ")]
    assert len(said) == 1
    assert "the program continues" in said[0]


def test_rows_and_layers_that_are_not_finite_are_named(run_program: Callable[..., Outcome]) -> None:
    events = run_program("faults.py", "nan").events()
    assert only(events, "not_finite", what="data")["rows"] == [5]
    assert only(events, "not_finite", what="loss")["step"] == 1
    assert only(events, "not_finite", what="output")["layer"] == "dense"


def test_a_sitecustomize_that_is_there_already_runs(hook_folder: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    (theirs / "sitecustomize.py").write_text("print('theirs')\n")
    environ = {"PYTHONPATH": f"{hook_folder}:{theirs}", "REPRO_RECORD_STORE": str(tmp_path / "store")}
    done = subprocess.run(
        [sys.executable, "-c", "import sitecustomize; print(sitecustomize.__file__)"],
        env=environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["theirs", str(theirs / "sitecustomize.py")]
