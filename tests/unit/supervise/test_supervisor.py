"""The supervisor against workers that fail in every way. A small script stands in for the worker."""

from __future__ import annotations

import errno
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.base.errors import ExitCode
from repro.base.files import sha256
from repro.runs import events
from repro.runs.store import Store
from repro.supervise import supervisor, worker_process
from tests.support.command_line import Answer
from tests.support.runs.planned import create
from tests.support.stage import Stage
from tests.support.stand_in_worker import PRELUDE, STOPPABLE, WHOLE


def test_a_whole_run(stage: Callable[[str], Stage]) -> None:
    one = stage(WHOLE)
    assert one() == 0
    assert one.run.state() == "finished"
    result = one.run.result()
    assert result is not None and result.verdict == "REPRODUCED"
    assert [event.seq for event in one.seen] == list(range(len(one.seen)))
    assert one.run.reader().read() == one.seen
    for name, digest in result.files.items():
        assert sha256(one.run.file(name)) == digest
    kept = {str(path.relative_to(one.run.path)) for path in one.run.path.rglob("*") if path.is_file()}
    assert kept - {"run.lock", "result.json"} == set(result.files)


def test_a_derived_run_whose_training_is_gone(stage: Callable[[str], Stage]) -> None:
    one = stage(WHOLE)
    record = json.loads(one.run.file("run.json").read_bytes())
    one.run.file("run.json").write_text(json.dumps({**record, "derived_from": "20260101T000000.000000Z-gone"}))
    assert one() == ExitCode.ENDED_EARLY
    assert one.run.state() == "failed"
    assert one.reason == "the traced run 20260101T000000.000000Z-gone is gone or did not finish: start this one anew"


FAULTS = {
    "without a word": ("sys.exit(1)", "the worker ended with exit code 1 and no result"),
    "too early": ("send('stage_started', stage='fit'); epoch(1)", "the worker ended with exit code 0 and no result"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "the worker was killed by SIGKILL"),
    "crashed": ("os.kill(os.getpid(), signal.SIGSEGV)", "the worker was killed by SIGSEGV"),
    "an exception": ("send('worker_failed', kind='ValueError', message='bad\\nthing')", "ValueError: bad"),
    "garbage": ("os.write(channel, b'hello\\n'); time.sleep(60)", "sent something that is no event"),
    "not UTF-8": ("os.write(channel, b'\\xff\\n'); time.sleep(60)", "sent something that is no event"),
    "unknown event": ("send('party'); time.sleep(60)", "sent something that is no event"),
    "deep": (
        'data = b\'{"event":"environment_probed","record":{"a":\' + b\'[\' * 200000 + b\'\\n\'\n'
        "while data: data = data[os.write(channel, data):]\ntime.sleep(60)",
        "sent something that is no event",
    ),
    "a line of 20 MB": ("send('warned', message='x' * 20_000_000); time.sleep(60)", "a line that is too long"),
    "hangs without events": ("os.close(channel); time.sleep(60)", "closed its pipes, did not end, and was killed"),
    "hangs without pipes": (
        "os.close(channel); os.close(1); os.close(2); time.sleep(60)",
        "closed its pipes, did not end, and was killed",
    ),
    "does not read": ("", "the worker ended with exit code 0 and no result"),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", FAULTS)
def test_faults(stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(supervisor, "STOP_GRACE_SECONDS", 0.5)
    script, reason = FAULTS[fault]
    one = stage(script)
    if fault == "does not read":
        worker_process.WORKER.write_text("")
    assert one() == 4
    assert one.run.state() == "failed"
    assert reason in one.reason and one.reason.isprintable()
    assert one.run.result() is None


def test_device_that_is_not_there(stage: Callable[[str], Stage]) -> None:
    one = stage("send('worker_failed', kind='DeviceAbsentError', message='no GPU')")
    assert one() == 3
    assert one.run.state() == "failed" and one.reason == "DeviceAbsentError: no GPU"


def test_interpreter_that_vanished(stage: Callable[[str], Stage], installed: Path) -> None:
    one = stage(WHOLE)
    installed.unlink()
    assert one() == 4
    assert one.run.state() == "failed" and "python: No such file" in one.reason


def test_the_log_is_capped(stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_process, "MAX_LOG_BYTES", 100_000)
    one = stage("sys.stdout.buffer.write(b'a line of output\\n' * 1_000_000); sys.stdout.flush()\n" + WHOLE)
    assert one() == 0
    log = one.run.file("worker.log").read_bytes()
    assert log.startswith(b"a line of output\n") and len(log) < 100_100
    assert log.endswith(b"[the log is full: the rest was dropped]\n")


def test_standard_error_goes_to_the_log_and_events_do_not(stage: Callable[[str], Stage]) -> None:
    one = stage("print('{\"event\": \"run_ended\"}'); print('oh', file=sys.stderr)\n" + WHOLE)
    assert one() == 0
    assert one.run.file("worker.log").read_text() == '{"event": "run_ended"}\noh\n'


def test_many_events(stage: Callable[[str], Stage]) -> None:
    one = stage("for i in range(5000): send('warned', message=str(i))\n" + WHOLE)
    assert one() == 0
    assert one.run.progress().warnings == [str(i) for i in range(5000)]


def after_epoch(number: int, do: Callable[[], object]) -> Callable[[events.AnyEvent], None]:
    def on_event(event: events.AnyEvent) -> None:
        if isinstance(event, events.EpochFinished) and event.epoch == number:
            do()

    return on_event


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals(stage: Callable[[str], Stage], number: signal.Signals) -> None:
    one = stage(STOPPABLE)
    before = signal.getsignal(number)
    assert one(after_epoch(2, lambda: os.kill(os.getpid(), number))) == 4
    assert one.run.state() == "interrupted"
    assert one.reason.startswith(f"by {number.name}; kept after epoch ")
    assert signal.getsignal(number) is before


def test_a_run_goes_on_when_whoever_listened_has_gone(stage: Callable[[str], Stage]) -> None:
    def gone(_: events.AnyEvent) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    one = stage(WHOLE)
    assert one(gone) == 0
    assert one.run.state() == "finished"


def test_the_file_stop(stage: Callable[[str], Stage]) -> None:
    one = stage(STOPPABLE)
    assert one(after_epoch(2, one.run.request_stop)) == 4
    assert one.run.state() == "stopped"
    assert one.reason.startswith("on request; kept after epoch ")
    assert not one.run.file("stop").exists()


def test_a_stop_before_training_ends_at_once(stage: Callable[[str], Stage]) -> None:
    one = stage("signal.signal(signal.SIGTERM, signal.SIG_IGN); send('stage_started', stage='import'); time.sleep(60)")

    def on_event(event: events.AnyEvent) -> None:
        if isinstance(event, events.StageStarted):
            one.run.request_stop()

    assert one(on_event) == 4
    assert (one.run.state(), one.reason) == ("stopped", "on request; nothing kept yet")


@pytest.mark.parametrize("signals", [1, 2])
def test_a_worker_that_will_not_go(
    stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, signals: int
) -> None:
    """One signal: it is killed when its time is over. Two: at once."""
    monkeypatch.setattr(supervisor, "STOP_GRACE_SECONDS", 0.5 if signals == 1 else 1000.0)
    one = stage(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\nsend('stage_started', stage='fit'); epoch(1); time.sleep(60)"
    )

    def send() -> None:
        for _ in range(signals):
            os.kill(os.getpid(), signal.SIGTERM)

    assert one(after_epoch(1, send)) == 4
    assert (one.run.state(), one.reason) == ("interrupted", "by SIGTERM; nothing kept yet")


def test_a_stop_that_comes_too_late_changes_nothing(stage: Callable[[str], Stage]) -> None:
    one = stage(
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        + WHOLE.replace('send("weights', 'time.sleep(1)\nsend("weights')
    )
    assert one(after_epoch(3, one.run.request_stop)) == 0
    assert one.run.state() == "finished" and not one.run.file("stop").exists()


@pytest.mark.parametrize("by", ["SIGINT", "the file stop"])
def test_a_stop_while_the_result_is_written_is_told(stage: Callable[[str], Stage], by: str) -> None:
    """Whoever makes several runs begins no more; the files of this one say nothing of it."""
    one = stage(WHOLE)

    def ask(event: events.AnyEvent) -> None:
        if isinstance(event, events.RunEnded):
            one.run.request_stop() if by == "the file stop" else os.kill(os.getpid(), signal.SIGINT)

    assert one(ask) == 0
    last = one.seen.pop()
    assert isinstance(last, events.StopRequested) and last.by == by
    assert one.run.reader().read() == one.seen and one.run.state() == "finished"
    assert not one.run.file("stop").exists()


def test_a_store_that_fills_up_while_training(
    folder: Path, small_disk: Path, installed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(PRELUDE + "epoch(1)\nwhile True: send('warned', message='x' * 3001)")
    monkeypatch.setattr(worker_process, "WORKER", worker)
    one = Stage(*create(folder, small_disk / "store"))
    assert one() == 4
    ended = one.seen[-1]
    assert isinstance(ended, events.RunEnded) and ended.state == "failed"
    assert "No space left on device" in ended.reason
    assert one.run.state() in ("failed", "interrupted")
    assert one.run.progress().epoch == 1
    assert Store(small_disk / "store").runs() == [one.run]


def test_why_a_run_did_not_finish_is_said_in_one_line(
    repro: Callable[..., Answer], folder: Path, store: Path, installed: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    worker = tmp_path / "worker.py"
    worker.write_text(PRELUDE + "sys.exit(7)")
    monkeypatch.setattr(worker_process, "WORKER", worker)
    monkeypatch.setattr("repro.runs.planning.environment_check.drift", lambda _: [])
    answer = repro("run", folder / "s.yaml", "--json", "--seed", "0:2")
    assert answer.code == 4
    rows = [json.loads(line) for line in answer.out.splitlines()]
    assert [(row["state"], row["verdict"], row["seed"]) for row in rows] == [("failed", None, 0), ("failed", None, 1)]
    said = [line for line in answer.err.splitlines() if line.startswith("repro: ")]
    assert len(said) == 2
    assert f"the run {rows[0]['run']} failed (the worker ended with exit code 7 and no result): see " in said[0]
    assert "worker.log" in said[0]
