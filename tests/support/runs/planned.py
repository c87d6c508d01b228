"""Run directories made without training."""

from __future__ import annotations

import time
from pathlib import Path
from typing import IO, Any

import msgspec

from repro.environment import definition
from repro.environment.definition import Environment
from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.heartbeat import boot_id
from repro.runs.plan import Plan
from repro.runs.store import Store
from repro.scenario import images
from repro.scenario.load import Loaded, load, parse
from repro.scenario.types import Images
from repro.supervise.supervisor import Supervisor


def plan(folder: Path, environment: Environment | None = None, seed: int = 0) -> Plan:
    """The scenario s.yaml of `folder` as a plan."""
    loaded: Loaded = load(folder / "s.yaml", environments=definition.names())
    return Plan(
        scenario=loaded.scenario,
        scenario_text=loaded.text,
        environment=environment or definition.get("keras-3"),
        seed=seed,
        images=images.load(folder / "images", Images("images", (32, 32)), 3),
        shipped_images=False,
        threads=2,
        command=["repro", "run", "s.yaml"],
    )


def create(folder: Path, store: Path, seed: int = 0) -> tuple[RunDirectory, IO[bytes]]:
    """A run that was made and not started; it is held until the lock is closed."""
    store.mkdir(exist_ok=True)
    return plan(folder, seed=seed).create(Store(store))


def make(folder: Path, store: Path, *happened: events.AnyEvent, seed: int = 0) -> RunDirectory:
    """A run in which these events happened; nobody holds it."""
    run, lock = create(folder, store, seed)
    lock.close()
    write_events(run, *happened)
    return run


def write_events(run: RunDirectory, *happened: events.AnyEvent) -> None:
    """Append events, numbered and dated where they are not."""
    seq = len(run.file("events.jsonl").read_bytes().splitlines()) if run.file("events.jsonl").exists() else 0
    with run.file("events.jsonl").open("ab") as stream:
        for event in happened:
            stream.write(events.encode(msgspec.structs.replace(event, seq=seq, time=event.time or time.time())))
            seq += 1


def started(attempt: int = 1, epochs: int = 3, **other: Any) -> events.RunStarted:
    return events.RunStarted(attempt=attempt, epochs=epochs, **{"boot_id": boot_id(), **other})


def epoch(number: int, loss: events.Number = 0.5, accuracy: events.Number = 1.0) -> events.EpochFinished:
    return events.EpochFinished(epoch=number, loss=loss, accuracy=accuracy, seconds=1.0)


def measured(number: int) -> list[events.AnyEvent]:
    """What a worker says when it measures after epoch `number`."""
    return [
        events.Evaluated(epoch=number, phase="inference", loss=9.5, accuracy=1 / 3, call="model.evaluate"),
        events.Predicted(epoch=number, probabilities=[[0.1, 0.9, 0.0]] * 3, call="model.predict"),
        events.Evaluated(epoch=number, phase="training", loss=0.01, accuracy=1.0, call="model(x, training=True)"),
        events.BatchNormMeasured(
            epoch=number,
            updates=number,
            momentum=0.99,
            initial_weight=0.99**number,
            moving_to_batch_distance=0.97,
            layers=[],
        ),
    ]


def checkpoint(number: int, file: str = "weights/checkpoint.npz", sha256: str = "0" * 64) -> events.CheckpointWritten:
    return events.CheckpointWritten(epoch=number, file=file, sha256=sha256, bytes=1, seconds=0.1)


def whole() -> list[events.AnyEvent]:
    """A run of three epochs, from start to what the worker says last."""
    return [
        started(),
        events.StageStarted(stage="fit"),
        *(epoch(number) for number in (1, 2, 3)),
        events.StageStarted(stage="measure"),
        *measured(3),
        events.WeightsHashed(sha256="f" * 64),
        events.TrainingFinished(peak_memory_bytes=1),
    ]


def made_supervisor(run: RunDirectory, environment: Environment | None = None) -> Supervisor:
    """A supervisor that has not begun; it has taken up the run's events."""
    record = run.record()
    text = run.file("scenario.yaml").read_text()
    scenario = parse(text, name="scenario.yaml", environments=definition.names())
    return Supervisor(run, record, scenario, environment or definition.get(record.environment))


def finish(run: RunDirectory) -> Supervisor:
    """Conclude a run whose events are whole, as its supervisor would."""
    supervisor = made_supervisor(run)
    assert supervisor._conclude() in (0, 1)
    supervisor.log.close()
    return supervisor


def finished(folder: Path, store: Path) -> RunDirectory:
    """A finished run of the scenario s.yaml of `folder`."""
    run = make(folder, store, *whole())
    finish(run)
    return run
