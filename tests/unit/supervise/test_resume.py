"""A run that goes on: behind a torn line, from a whole checkpoint, with the kernels that it began with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from repro.base.files import sha256
from repro.environment.machine import ONEDNN
from repro.runs import events
from repro.runs.event_log import EventLog
from repro.supervise import worker_process
from tests.support.runs.planned import checkpoint, epoch, made_supervisor, make, started, write_events
from tests.support.stage import Stage
from tests.support.stand_in_worker import PRELUDE, STOPPABLE, WHOLE


def test_resume_goes_on_behind_a_torn_line(stage: Callable[[str], Stage]) -> None:
    one = stage("send('stage_started', stage='fit'); epoch(1); sys.exit(1)")
    assert one() == 4
    whole = one.run.file("events.jsonl").read_bytes()
    one.run.file("events.jsonl").write_bytes(whole + b'{"event":"heartb')
    worker_process.WORKER.write_text(PRELUDE + WHOLE)
    assert one.resume() == 0
    happened = one.run.reader().read()
    assert [event.seq for event in happened] == list(range(len(happened)))
    assert one.run.file("events.jsonl").read_bytes().startswith(whole)
    assert one.run.progress().attempt == 2
    result = one.run.result()
    assert result is not None and result.measurements["fit"]["loss"] == [0.5] * 3


def test_resume_reads_a_log_as_every_reader_does(stage: Callable[[str], Stage]) -> None:
    one = stage("send('stage_started', stage='fit'); epoch(1); sys.exit(1)")
    assert one() == 4
    whole = one.run.file("events.jsonl").read_bytes()
    one.run.file("events.jsonl").write_bytes(b"\n" + whole + b"\n\n")
    worker_process.WORKER.write_text(PRELUDE + WHOLE)
    assert one.resume() == 0
    happened = one.run.reader().read()
    assert [event.seq for event in happened] == list(range(len(happened)))


def environ(monkeypatch: pytest.MonkeyPatch, onednn: str | None) -> None:
    monkeypatch.delenv(ONEDNN, raising=False)
    if onednn is not None:
        monkeypatch.setenv(ONEDNN, onednn)


@pytest.mark.parametrize(("then", "now"), [("0", None), (None, "0"), ("1", "0")])
def test_resume_goes_on_with_the_kernels_that_the_run_began_with(
    stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch, then: str | None, now: str | None
) -> None:
    """The third attempt too, whose first one ended before it wrote its record."""
    says = f"send('warned', message=str(os.environ.get({ONEDNN!r})))\n"
    probe = "send('environment_probed', record={'facts': {'variables': dict(os.environ)}})\n"
    one = stage("sys.exit(1)")
    environ(monkeypatch, now)
    assert one() == 4
    environ(monkeypatch, then)
    worker_process.WORKER.write_text(
        PRELUDE + says + probe + "send('stage_started', stage='fit'); epoch(1); sys.exit(1)"
    )
    assert one.resume() == 4
    environ(monkeypatch, now)
    worker_process.WORKER.write_text(PRELUDE + says + probe + WHOLE)
    assert one.resume() == 0
    assert one.run.progress().warnings == [str(then)] * 2
    assert {file.name for file in one.run.path.glob("environment*")} == {"environment.json", "environment-3.json"}


def test_a_derived_run_has_the_kernels_of_its_training(folder: Path, store: Path) -> None:
    source, run = make(folder, store, started()), make(folder, store, started())
    record = json.loads(run.file("run.json").read_bytes())
    run.file("run.json").write_text(json.dumps({**record, "derived_from": source.id}))
    one = made_supervisor(run)
    one.log.close()
    assert one._kernels() is None
    source.file("environment.json").write_text(json.dumps({"format": 1, "facts": {"variables": {ONEDNN: "0"}}}))
    assert one._kernels() == {ONEDNN: "0"}


@pytest.mark.parametrize("state", ["whole", "damaged", "missing"])
def test_resume_uses_a_whole_checkpoint_only(stage: Callable[[str], Stage], state: str) -> None:
    one = stage(STOPPABLE)
    file = one.run.file("weights/c.npz")
    one.lock.close()
    file.write_text("x")
    with one.run.file("events.jsonl").open("wb") as stream:
        for seq, event in enumerate([started(), epoch(1), epoch(2), checkpoint(2, "weights/c.npz", sha256(file))]):
            stream.write(events.encode(msgspec.structs.replace(event, seq=seq)))
    if state == "damaged":
        file.write_text("y")
    elif state == "missing":
        file.unlink()
    asks = "send('warned', message='asked: %s' % request['resume'])\n"
    worker_process.WORKER.write_text(PRELUDE + asks + WHOLE)
    assert one.resume() == 0
    warnings = one.run.progress().warnings
    expected = {"epoch": 2, "file": "weights/c.npz"} if state == "whole" else None
    assert warnings[-1] == f"asked: {expected}"
    assert ("the checkpoint of epoch 2 is damaged: starting anew" in warnings) == (state == "damaged")
    result = one.run.result()
    assert result is not None and len(result.measurements["fit"]["loss"]) == 3


def test_a_result_is_never_taken_from_the_attempt_before(stage: Callable[[str], Stage]) -> None:
    """The first attempt was over but for its result; the second one began to train again, and so does the third."""
    one = stage(WHOLE)
    one()
    one.run.file("result.json").unlink()
    write_events(one.run, started(attempt=2))
    worker_process.WORKER.write_text(PRELUDE + "sys.exit(1)")
    assert one.resume() == 4
    assert one.run.state() == "failed" and one.run.result() is None


def test_event_log_takes_a_half_written_line_back(folder: Path, store: Path) -> None:
    run = make(folder, store, started())
    log = EventLog(run, lambda _: None)
    real = log._stream

    class Full:
        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

        def write(self, data: memoryview) -> int:
            if len(data) < 20:
                raise OSError(28, "No space left on device")
            return real.write(data[:-10]) or 0

    log._stream = Full()  # type: ignore[assignment]
    with pytest.raises(OSError, match="No space"):
        log.add(events.Warned(message="this does not fit"))
    log._stream = real
    log.add(epoch(1))
    log.close()
    happened = run.reader().read()
    assert [type(event).__name__ for event in happened] == ["RunStarted", "EpochFinished"]
    assert [event.seq for event in happened] == [0, 1]
