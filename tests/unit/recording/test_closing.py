"""How recordings end: by themselves, by a signal, by os._exit."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repro.cli import run_command_line
from repro.recording.closing import ProcessEnd, close
from repro.recording.intake import take_in
from repro.runs.directory import RunDirectory
from repro.runs.recorder_mark import read_mark
from repro.runs.store import Store


def cut(run: Path, last: str) -> RunDirectory:
    """Cut the events off behind the last one of a kind, and leave a torn line."""
    file = run / "events.jsonl"
    lines = file.read_text().splitlines()
    place = max(index for index, line in enumerate(lines) if json.loads(line)["event"] == last)
    file.write_text("\n".join(lines[: place + 1]) + '\n{"event": "torn')
    return RunDirectory(run)


@pytest.mark.parametrize(
    ("last", "returncode", "state", "reason"),
    [
        ("epoch_finished", -9, "interrupted", "SIGKILL"),
        ("training_finished", -15, "interrupted", "SIGTERM"),
        ("training_finished", 137, "interrupted", "SIGKILL"),
        ("training_finished", 0, "finished", "os._exit"),
        ("training_finished", 3, "finished", "os._exit"),
        ("epoch_finished", 0, "interrupted", "os._exit"),
        ("training_finished", None, "interrupted", "killed"),
    ],
)
def test_a_process_that_ended_without_a_word(
    recording: Path, last: str, returncode: int | None, state: str, reason: str
) -> None:
    run = cut(recording, last)
    assert close(run, ProcessEnd(returncode)) == state == run.state()
    ended = run.progress().ended
    assert ended is not None and reason in ended.reason
    assert close(run, ProcessEnd(0)) == state  # closed once and for all
    sequence = [json.loads(line)["seq"] for line in (recording / "events.jsonl").read_text().splitlines()]
    assert sequence == list(range(len(sequence)))


def test_one_that_raised_in_fit_has_failed(recording: Path) -> None:
    run = cut(recording, "epoch_finished")
    file = recording / "events.jsonl"
    whole = file.read_text().rpartition("\n")[0]
    ended = {"event": "run_ended", "state": "failed", "reason": "ValueError: x", "exit_code": 0, "seq": 999}
    file.write_text(f"{whole}\n{json.dumps(ended)}\n")
    assert close(run, ProcessEnd(1)) == "failed" == run.state()
    assert not run.file("result.json").exists()


def test_the_mark_is_read_whatever_is_in_it(tmp_path: Path) -> None:
    file = tmp_path / "mark"
    assert read_mark(file).loaded == 0
    file.write_bytes(b"loaded 1\nkeras 1 3.15\n\xff\xfe\n\nrecording 1 ID\nrecording 2 ID\nfailed 1 because of x\n")
    mark = read_mark(file)
    assert (mark.loaded, mark.keras, mark.recordings, mark.failures) == (1, 1, ("ID",), ("because of x",))


@pytest.mark.parametrize(
    ("last", "ended", "code"),
    [
        ("training_finished", {"state": "finished", "exit_code": 0}, 0),
        ("epoch_finished", {"state": "failed", "exit_code": 0}, 4),
        ("epoch_finished", {"state": "failed", "exit_code": 1}, 4),
        ("epoch_finished", {"state": "interrupted", "exit_code": 4}, 4),
    ],
)
def test_watch_ends_as_the_program_did(
    last: str, ended: dict[str, object], code: int, recording: Path, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    cut(recording, last)
    file = recording / "events.jsonl"
    event = {"event": "run_ended", "reason": "ValueError: x" if code else "", "seq": 999, **ended}
    file.write_text(f"{file.read_text().rpartition(chr(10))[0]}\n{json.dumps(event)}\n")
    (taken,) = take_in(recording, store)
    assert run_command_line(["watch", taken.run.id, "--plain"]) == code
    assert ("ValueError: x" in capfd.readouterr().out) == bool(code)
