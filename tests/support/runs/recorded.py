"""Run directories made from recorded events: what the screens read, without training."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from repro.runs import events
from repro.runs.directory import RunDirectory
from repro.runs.heartbeat import boot_id
from repro.runs.records import ClaimResult, Result, RunRecord
from repro.scenario.image_record import ImageRecord
from repro.sweep import tally
from repro.sweep.record import FOLDER, SweepDirectory, SweepRecord
from repro.sweep.tally import Group, SweepRun
from tests.support.paths import RECORDED_RUN

START = 1_795_546_000.0
LAYERS = 53
SNAPSHOTS = (1, 2, 5)
CHANNELS = (4, 8)
PREDICTED = {"probabilities": [[0.1, 0.9]] * 3, "classes": [1, 1, 1], "distinct_classes": 1, "accuracy": 1 / 3}


def make_id(index: int, scenario: str = "original-bug", environment: str = "keras-3", seed: int = 0) -> str:
    """An id whose order is that of `index`; the random part is made of it."""
    letters = "abcdefghjkmnpqrstuvwxyz23456789"
    tail = "".join(letters[(index // len(letters) ** i) % len(letters)] for i in range(4))
    return f"20261124T18{index // 60 % 60:02d}{index % 60:02d}.{index:06d}Z-{scenario}-{environment}-s{seed}-{tail}"


def record(run_id: str, scenario: str, environment: str, seed: int, started: float = START) -> RunRecord:
    """A run.json."""
    images = [
        ImageRecord(name, "0" * 64, "L", 197, 197, label, "1" * 64, 0, 255, 128.0, 60.0)
        for label, name in enumerate(("boat.png", "house.png", "tree.png"))
    ]
    return RunRecord(
        format=1,
        id=run_id,
        scenario=scenario,
        scenario_sha256="a" * 64,
        environment=environment,
        lock_sha256="b" * 64,
        seed=seed,
        device="auto",
        threads=2,
        deterministic=False,
        command=["repro", "run", scenario],
        package_sha256="c" * 64,
        started=started,
        images=images,
        shipped_images=True,
    )


def drift(epoch: int, momentum: float = 0.99, layers: int = LAYERS) -> events.BatchNormMeasured:
    """A measurement of all layers."""
    left = momentum**epoch
    return events.BatchNormMeasured(
        epoch=epoch,
        updates=epoch,
        momentum=momentum,
        initial_weight=left,
        moving_to_batch_distance=left,
        layers=[
            events.LayerDrift(f"bn_{i:02d}", 4, left, left, 0.1 * (1 - left), 0.1, 1 + 3 * (1 - left), 4.0)
            for i in range(layers)
        ],
    )


def beginning(epochs: int = 5) -> list[events.AnyEvent]:
    """What every run says before its first epoch."""
    return [
        events.RunStarted(attempt=1, epochs=epochs, boot_id=boot_id()),
        events.WorkerStarted(pid=4711, python="/opt/keras-3/bin/python"),
        events.StageStarted(stage="import"),
        events.EnvironmentProbed(),
        events.StageStarted(stage="build"),
        events.ModelBuilt(seconds=1.0, fingerprint={"layers": 177, "epsilon": [1.001e-05], "momentum": [0.99]}),
        events.StageStarted(stage="fit"),
    ]


def epochs(first: int, last: int, losses: Sequence[events.Number] = ()) -> list[events.AnyEvent]:
    """Epochs first to last."""
    return [
        events.EpochFinished(
            epoch=epoch,
            loss=losses[epoch - first] if losses else 1.5 / epoch**2,
            accuracy=1.0 if epoch > 1 else 0.3333333432674408,
            seconds=0.5,
        )
        for epoch in range(first, last + 1)
    ]


def measured(epoch: int, momentum: float = 0.99) -> list[events.AnyEvent]:
    """Both phases, predictions, drift."""
    return [
        events.Evaluated(
            epoch=epoch, phase="inference", loss=369.1, accuracy=0.3333333432674408, call="model.evaluate"
        ),
        events.Predicted(epoch=epoch, probabilities=[[1e-8, 0.9999999, 4e-7]] * 3, call="model.predict"),
        events.Evaluated(
            epoch=epoch,
            phase="training",
            loss=1.2e-7,
            accuracy=1.0,
            call="model(images, training=True)",
            probabilities=[[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.25, 0.0, 0.75]],
        ),
        drift(epoch, momentum),
    ]


def write(
    store: Path,
    run_id: str,
    said: Sequence[events.AnyEvent],
    *,
    scenario: str = "original-bug",
    environment: str = "keras-3",
    seed: int = 0,
    log: str = "",
    scenario_yaml: str | None = None,
) -> RunDirectory:
    """A run directory with these events, numbered and dated."""
    run = RunDirectory(store / run_id)
    (run.path / "arrays").mkdir(parents=True)
    (run.path / "weights").mkdir()
    run.file("run.json").write_bytes(msgspec.json.encode(record(run_id, scenario, environment, seed)))
    text = scenario_yaml if scenario_yaml is not None else (RECORDED_RUN / "scenario.yaml").read_text("utf-8")
    run.file("scenario.yaml").write_text(text, "utf-8")
    shutil.copy(RECORDED_RUN / "arrays" / "images.npy", run.file("arrays/images.npy"))
    run.file("run.lock").touch()
    run.file("worker.log").write_text(log, "utf-8")
    append(run, said)
    return run


def append(run: RunDirectory, said: Sequence[events.AnyEvent], first: int = 0) -> None:
    """More events."""
    with run.file("events.jsonl").open("ab") as stream:
        for i, event in enumerate(said):
            stream.write(events.encode(msgspec.structs.replace(event, seq=first + i, time=START + 0.5 * (first + i))))


def finished(
    store: Path, index: int = 0, *, scenario: str = "original-bug", environment: str = "keras-3", seed: int = 0
) -> RunDirectory:
    """A copy of a real finished run under another id, with arrays of statistics."""
    run_id = make_id(index, scenario, environment, seed)
    run = RunDirectory(store / run_id)
    shutil.copytree(RECORDED_RUN, run.path)
    (run.path / "weights").mkdir()
    run.file("run.lock").touch()
    head = msgspec.structs.replace(
        record(run_id, scenario, environment, seed), scenario_sha256=run.require_scenario().sha256()
    )
    run.file("run.json").write_bytes(msgspec.json.encode(head))
    result = msgspec.json.decode(run.file("result.json").read_bytes(), type=Result)
    result = msgspec.structs.replace(result, run=run_id, scenario=scenario, environment=environment, seed=seed)
    run.file("result.json").write_bytes(msgspec.json.encode(result))
    run.file("environment.json").write_bytes(b'{"format": 1, "facts": {}}')
    channels = [
        layer.channels
        for event in run.reader().read()
        if isinstance(event, events.BatchNormMeasured)
        for layer in event.layers
    ]
    count = 2 * sum(channels)
    generator = np.random.default_rng(0)
    batch = generator.uniform(1.0, 3.0, count).astype(np.float32)
    np.save(run.file("arrays/batch-statistics-0000005.npy"), batch)
    np.save(run.file("arrays/moving-statistics-0000005.npy"), (0.05 * batch + 0.95).astype(np.float32))
    return run


def traced(store: Path, index: int = 1) -> RunDirectory:
    """The recorded run as one that kept a trace of two layers and weights after epochs 1, 2 and 5."""
    run = finished(store, index)
    record = msgspec.structs.replace(run.record(), traced=True)
    run.file("run.json").write_bytes(msgspec.json.encode(record))
    for epoch in SNAPSHOTS:
        run.file(f"weights/snapshot-{epoch:07d}.npz").touch()
    table = np.random.default_rng(0).uniform(1.5, 3.0, (5, 2 * sum(CHANNELS))).astype(np.float32)
    run.file("arrays/trace.f32").write_bytes(table.tobytes())
    head = {"format": 1, "channels": CHANNELS, "columns": 2 * sum(CHANNELS), "momentum": 0.99}
    run.file("arrays/trace.json").write_bytes(msgspec.json.encode(head | {"update_rule": "weighted"}))
    return run


def light(store: Path, index: int, verdict: Any = "REPRODUCED") -> RunDirectory:
    """A finished run with nothing but its two records: for stores with very many."""
    scenario = ("original-bug", "momentum-0.01", "epochs-1000")[index % 3]
    environment = ("keras-3", "keras-2.0.9")[index % 2]
    run_id = make_id(index, scenario, environment, index % 5)
    run = RunDirectory(store / run_id)
    run.path.mkdir(parents=True)
    run.file("run.lock").touch()
    run.file("run.json").write_bytes(
        msgspec.json.encode(record(run_id, scenario, environment, index % 5, START + index))
    )
    result = Result(
        format=1,
        run=run_id,
        scenario=scenario,
        environment=environment,
        seed=index % 5,
        state="finished",
        verdict=verdict,
        degraded=False,
        derived_from=None,
        claims=[ClaimResult("Q1", "fit ends at 1.0", "fit.accuracy", "held", 1.0, "= 1.0")],
        measurements={"fit": {"loss": [1.0, 0.1], "accuracy": [0.5, 1.0]}, "predict": PREDICTED},
        seconds={"fit": 30.0, "total": 40.0},
    )
    run.file("result.json").write_bytes(msgspec.json.encode(result))
    return run


SWEPT = ("REPRODUCED", "REPRODUCED", "NOT_REPRODUCED", "REPRODUCED", "INCONCLUSIVE", "REPRODUCED", "REPRODUCED")


def sweep(
    store: Path, *, index: int = 1, ended: bool = True, environments: Sequence[str] = ("keras-3", "keras-2.0.9")
) -> SweepDirectory:
    """A sweep of ten seeds: seven finished in the first environment, the eighth goes on, none begun in the second."""
    groups = []
    for environment in environments:
        verdicts = SWEPT if environment == environments[0] else ()
        runs: list[dict[str, Any]] = []
        for seed in range(10):
            run_id = make_id(100 * index + seed, "momentum-0.01", environment, seed)
            if seed < len(verdicts):
                runs.append({"state": "finished", "verdict": verdicts[seed], "how": "kept" if seed == 0 else "trained"})
            elif seed == len(verdicts) and verdicts:
                runs.append({"state": "running", "verdict": None, "how": "trained"})
            else:
                runs.append({"state": "waiting", "verdict": None, "how": "waiting"})
            runs[-1] |= {"run": None if runs[-1]["state"] == "waiting" else run_id, "seed": seed, "reason": None}
        results = [{"R1": "held", "R2": outcome} for outcome in ("held", "held", "failed", "held", "unknown")]
        results += [{"R1": "held", "R2": "held"}] * 2
        claims = [
            ClaimResult(name, says, "fit.accuracy", one[name], 1.0, "= 1.0")  # type: ignore[arg-type]
            for one in results[: len(verdicts)]
            for name, says in (("R1", "fit ends at accuracy 1.0"), ("R2", "predict is right on all three images"))
        ]
        groups.append(
            Group(
                scenario="momentum-0.01",
                environment=environment,
                threads=2,
                seeds=list(range(10)),
                verdicts={name: verdicts.count(name) for name in ("REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE")},
                degraded=0,
                unfinished=10 - len(verdicts),
                reproduced=tally.rate(verdicts.count("REPRODUCED"), len(verdicts)),
                claims=tally.claim_rates(claims),
                runs=msgspec.convert(runs, list[SweepRun]),
            )
        )
    words = [word for environment in environments for word in ("--environment", environment)]
    found = SweepRecord(
        format=1,
        id=f"20261124T1900{index:02d}.000000Z-abcd",
        command=["repro", "--store", str(store), "sweep", "momentum-0.01", "--seeds", "0:10", *words, "--plain"],
        started=START,
        updated=START,
        workers=1,
        ended=ended,
        reason="",
        groups=groups,
    )
    directory = SweepDirectory(store / FOLDER / found.id)
    directory.path.mkdir(parents=True)
    (directory.path / "sweep.json").write_bytes(msgspec.json.encode(found))
    (directory.path / "lock").touch()
    return directory


def swept_runs(store: Path, directory: SweepDirectory) -> RunDirectory:
    """The run directories that such a sweep speaks of; the one that goes on."""
    going = None
    for one in directory.record().groups[0].runs:
        if one.state == "finished":
            index = int(one.run.split(".")[1][:6])
            made = finished(store, index, scenario="momentum-0.01", seed=one.seed)
            assert made.id == one.run
        elif one.state == "running":
            said = [*beginning(20), *epochs(1, 4)]
            going = write(store, one.run, said, scenario="momentum-0.01", seed=one.seed)
    assert going is not None
    return going
