"""Events, and how they fold into what is known of a run."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import get_args

import msgspec
import pytest

from repro.runs import events, recorded_values
from repro.runs import recorded_events as recorded
from repro.runs.event_reader import EventReader
from repro.runs.progress import Progress, prediction
from repro.runs.records import Curves, Measurements
from tests.support.runs.planned import checkpoint, epoch, measured, started, whole

ONE_OF_EACH: list[events.AnyEvent] = [
    *whole(),
    events.WorkerStarted(pid=1, python="/x/python"),
    events.EnvironmentProbed(record={"facts": {"a": [1, "ü"]}}),
    events.ModelBuilt(seconds=1.0, fingerprint={"layers": 177}),
    epoch(4, loss="nan", accuracy="-inf"),
    checkpoint(1),
    events.TracePlanned(bytes=1, free_bytes=2),
    events.Validated(epoch=1, loss=0.5, accuracy="nan", call="model.evaluate"),
    events.TrialMeasured(
        epoch=1,
        trial="single-images",
        images=3,
        batch_size=1,
        loss="nan",
        accuracy=0.5,
        reference_loss=0.5,
        reference_accuracy=1.0,
        seconds=0.1,
    ),
    events.NonFiniteFound(epoch=1, layer="bn", quantity="moving_variance"),
    events.SnapshotWritten(epoch=1, file="weights/epoch-0000001.npz", sha256="0" * 64),
    events.Answered(question=1, probabilities=[[1.0, "nan"]], loss=0.5, accuracy=1.0, seconds=0.1),
    events.WorkerReady(),
    events.FitFinished(call="model.fit", seconds=1.0),
    events.TrainingStopped(epoch=1),
    events.WorkerFailed(kind="ValueError", message="bad \u2028 \x1b", traceback="..."),
    events.Heartbeat(boot_id="x"),
    events.StopRequested(by="SIGTERM"),
    events.Warned(message="careful"),
    events.RunEnded(state="failed", reason="x", exit_code=4),
    events.TrialMeasured(
        epoch=1,
        trial="single-images",
        images=3,
        batch_size=1,
        loss=1.0,
        accuracy=0.5,
        reference_loss=0.5,
        reference_accuracy=1.0,
        seconds=0.1,
    ),
    events.NonFiniteFound(epoch=1, layer="bn", quantity="moving_mean"),
    recorded.FitStarted(fit=1, call="fit", epoch=0, epochs=3, data=recorded_values.Data(kind="arrays", rows=3)),
    recorded.EpochLogs(epoch=1, fit=1, logs={"loss": "nan", "val_mae": 0.5, "odd": None}, steps=2),
    recorded.FitEnded(fit=1, ended="returned", batch_norm=[recorded_values.MovingStatistics(name="bn", class_="Odd")]),
    recorded.Measured(fit=1, set_="call", call=2, phase="inference", alone=True, outputs="arrays/a.npy"),
    recorded.LayerPhasesMeasured(fit=1, set_="fit", layers=[recorded_values.LayerPhases(name="x", distance="inf")]),
    recorded.TrialMade(fit=1, set_="fit", kind="momentum", available=True, momentum=0.5, parameter={"to": [1, 0]}),
    recorded.CallObserved(call=1, kind="predict", fit=1, model="another", orders=[]),
    recorded.NotFinite(fit=1, what="weights", names=["dense/kernel"]),
    recorded.Missing(fit=1, what="samples", reason="too large"),
    recorded.RecorderFailed(where="fit", error="ValueError: x"),
]


def test_every_kind_is_tried() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(get_args(events.AnyEvent))


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_round_trip(event: events.AnyEvent) -> None:
    line = events.encode(event)
    assert line.endswith(b"\n") and line.count(b"\n") == 1
    assert events.decode(line) == event
    assert json.loads(line)["event"]


def test_numbers_that_are_not_finite() -> None:
    assert [events.to_number(x) for x in (1.5, math.nan, math.inf, -math.inf)] == [1.5, "nan", "inf", "-inf"]
    assert math.isnan(events.number("nan")) and events.number("-inf") == -math.inf
    assert json.loads(events.encode(epoch(1, loss="nan")))["loss"] == "nan"


@pytest.mark.parametrize("name", ["../x.npy", "/etc/passwd", "arrays/../x.npy", "arrays/.x.npy", "arrays/a.npz"])
def test_a_recording_names_only_files_of_its_own(name: str) -> None:
    line = json.dumps(
        {"event": "measured", "fit": 1, "set": "fit", "phase": "training", "alone": False, "outputs": name}
    )
    with pytest.raises(msgspec.DecodeError, match="outputs"):
        events.decode(line.encode())


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[]", b'{"event":"unheard_of"}', b'{"event":"epoch_finished"}', b"\xff", b"null"]
)
def test_what_is_no_event(line: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        events.decode(line)


def fold(*happened: events.AnyEvent) -> Progress:
    progress = Progress()
    progress.extend(happened)
    return progress


def test_a_whole_run() -> None:
    progress = fold(*whole())
    assert (progress.epoch, progress.epochs, progress.training_finished) == (3, 3, True)
    found = msgspec.to_builtins(progress.measurements(3, [0, 1, 2]))
    assert found["fit"] == {"loss": [0.5] * 3, "accuracy": [1.0] * 3}
    assert found["evaluate"] == {"loss": 9.5, "accuracy": 1 / 3}
    assert found["evaluate_training_phase"] == {"loss": 0.01, "accuracy": 1.0}
    assert found["predict"]["classes"] == [1, 1, 1]
    assert (found["predict"]["distinct_classes"], found["predict"]["accuracy"]) == (1, 1 / 3)
    assert found["batch_norm"]["updates"] == 3
    assert found["weights_sha256"] == "f" * 64


def test_measurements_of_an_epoch() -> None:
    progress = fold(started(), epoch(1), *measured(1), epoch(2))
    assert progress.measurements().figure("batch_norm.updates") == 1
    assert progress.measurements(2).figure("evaluate.loss") is None
    assert progress.measurements(1).figure("evaluate.loss") == 9.5
    assert msgspec.to_builtins(fold().measurements()) == {"fit": {"loss": [], "accuracy": []}}


def test_figures_read_like_a_list_of_what_the_events_said() -> None:
    said: list[events.Number] = [0.5, "nan", "inf", "-inf", 0.1, 1e-300]
    loss = fold(started(), *(epoch(i, one) for i, one in enumerate(said, 1))).loss
    assert loss == said and list(loss) == said and said == loss and len(loss) == 6
    assert (loss[0], loss[1], loss[-1], loss[1:4], loss[-2:]) == (0.5, "nan", 1e-300, ["nan", "inf", "-inf"], said[-2:])
    assert [math.isfinite(value) for value in loss.floats] == [True, False, False, False, True, True]
    assert loss != said[:-1] and loss != [*said[:-1], 0.0] and not fold().loss
    assert json.loads(msgspec.json.encode(fold(started(), epoch(1, "nan")).measurements()))["fit"]["loss"] == ["nan"]


def test_the_median_step_leaves_out_the_first_and_what_is_done_over() -> None:
    def took(number: int, seconds: float) -> events.AnyEvent:
        return msgspec.structs.replace(epoch(number), seconds=seconds)

    progress = fold(started(), took(1, 20.0))
    assert progress.step_seconds is None
    progress.extend([took(2, 3.0), took(3, 1.0)])
    assert progress.step_seconds == 3.0
    progress.extend([took(4, 2.0), took(5, 0.5), took(6, 0.5)])
    assert progress.step_seconds == 1.0
    progress.extend([checkpoint(3), started(attempt=2), took(4, 9.0), took(5, 9.0), took(6, 9.0)])
    assert progress.step_seconds == 9.0


def test_a_resumed_run_rewinds_to_its_checkpoint() -> None:
    before = [started(), epoch(1, 0.1), *measured(1), checkpoint(1), epoch(2, 0.2), *measured(2)]
    progress = fold(*before, started(attempt=2))
    assert (progress.epoch, progress.loss, progress.attempt) == (1, [0.1], 2)
    assert list(progress.drift) == [1] and list(progress.predictions) == [1]
    progress.extend([epoch(2, 0.3), epoch(3, 0.4)])
    assert (progress.epoch, progress.loss) == (3, [0.1, 0.3, 0.4])


def test_a_resumed_run_without_a_checkpoint_begins_anew() -> None:
    progress = fold(started(), epoch(1), epoch(2), started(attempt=2))
    assert (progress.epoch, progress.loss, progress.accuracy) == (0, [], [])


def test_a_checkpoint_that_was_not_used_is_overtaken() -> None:
    """The supervisor found it damaged: epoch 1 comes again."""
    progress = fold(started(), epoch(1), epoch(2), checkpoint(2), started(attempt=2), epoch(1, 0.7))
    assert (progress.epoch, progress.loss) == (1, [0.7])


def test_a_new_attempt_forgets_how_the_last_one_ended() -> None:
    progress = fold(
        *whole(),
        events.WorkerFailed(kind="OSError", message="x"),
        events.StopRequested(by="SIGTERM"),
        events.RunEnded(state="failed"),
        started(attempt=2),
    )
    assert progress.ended is None and progress.failure is None and progress.stop_requested is None
    assert not progress.training_finished, "the result would be taken from the attempt before"
    assert progress.weights_sha256 is None


def test_time_left() -> None:
    assert fold(started(epochs=100), epoch(1)).seconds_left is None
    assert fold(started(epochs=100), epoch(1), epoch(2)).seconds_left == 98.0


def test_stages_add_up() -> None:
    happened = [
        msgspec.structs.replace(event, time=at)
        for event, at in [
            (started(), 10.0),
            (events.StageStarted(stage="import"), 11.0),
            (events.StageStarted(stage="fit"), 13.0),
            (events.RunEnded(state="interrupted"), 18.0),
            (started(attempt=2), 100.0),
            (events.StageStarted(stage="fit"), 101.0),
            (events.TrainingFinished(peak_memory_bytes=1), 102.5),
        ]
    ]
    assert fold(*happened).seconds == {"import": 2.0, "fit": 6.5}
    assert fold(*happened).seconds_before == 8.0


def test_prediction() -> None:
    assert prediction([[0.5, 0.5], [0.1, 0.9]], None).classes == [0, 1]
    assert "accuracy" not in msgspec.to_builtins(prediction([[1.0, 0.0]], None))
    assert prediction([["nan", 0.0]], [0]).distinct_classes == 1


# -- reading while they are written -----------------------------------------------------------------------------------


def test_a_torn_last_line_is_not_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    reader = EventReader(file)
    assert reader.read() == []
    line = events.encode(epoch(1))
    file.write_bytes(line + line[:20])
    assert reader.read() == [epoch(1)]
    assert reader.read() == []
    with file.open("ab") as stream:
        stream.write(line[20:])
    assert reader.read() == [epoch(1)]


def test_a_resume_cuts_the_torn_line_off_under_a_reader(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    line = events.encode(epoch(1))
    file.write_bytes(line + b'{"event":"epoch_fin')
    reader = EventReader(file)
    assert reader.read() == [epoch(1)]
    file.write_bytes(line + events.encode(epoch(2)))
    assert reader.read() == [epoch(2)]


def test_lines_longer_than_a_read(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    long = events.Warned(message="x" * 5000)
    file.write_bytes(events.encode(epoch(1)) + events.encode(long) * 3 + events.encode(epoch(2)))
    reader, found = EventReader(file), []
    while more := reader.read(limit=64):
        found += more
    assert found == [epoch(1), long, long, long, epoch(2)]


def test_damage(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\0" * 100 + b"\n")
    with pytest.raises(msgspec.DecodeError):
        EventReader(file).read()
    file.write_bytes(b"x" * (17 * 1024 * 1024))
    with pytest.raises(msgspec.DecodeError):
        EventReader(file).read()


def test_a_program_without_accuracy_has_none() -> None:
    first = msgspec.structs.replace(epoch(1), accuracy=None)
    progress = fold(started(), first, msgspec.structs.replace(epoch(2), accuracy=None))
    assert progress.measurements() == Measurements(fit=Curves(loss=[0.5, 0.5], accuracy=[]))
    progress.extend([epoch(3), msgspec.structs.replace(epoch(4), accuracy=None)])
    assert progress.measurements().fit.accuracy == ["nan", "nan", 1.0, "nan"]


def test_a_recording_keeps_one_fit_however_many_there_are() -> None:
    progress = fold(started())
    for number in range(1, 4):
        progress.take(recorded.FitStarted(fit=number, call="fit", epoch=number - 1, epochs=1))
        progress.take(events.EpochFinished(epoch=number, loss=1.0, accuracy=None, seconds=0.1))
        progress.take(events.Validated(epoch=number, loss=2.0, accuracy=None, call="model.fit"))
        progress.take(recorded.EpochLogs(epoch=number, fit=number, logs={"loss": 1.0, "val_loss": 2.0}, steps=5))
        if number == 2:
            progress.take(recorded.Measured(fit=2, set_="fit", phase="inference", alone=False, loss=1.0))
            progress.take(recorded.Measured(fit=2, set_="fit", phase="training", alone=False, loss=1.0))
    assert progress.recorded is not None and progress.recorded.latest is not None
    assert (progress.recorded.latest.number, progress.recorded.fit and progress.recorded.fit.number) == (3, 2)
    assert progress.recorded.logs["val_loss"] == [2.0] * 3 and progress.recorded.steps == 15
    assert list(progress.validations) == [3] and (progress.epoch, progress.epochs) == (3, 3)
