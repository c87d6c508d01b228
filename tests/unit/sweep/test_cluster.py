"""Sweeps on a Dask cluster: a scheduler and workers that are processes of this machine."""

from __future__ import annotations

import importlib.util
import io
import json
import logging
import os
import shutil
import signal
import zipfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from repro.base.errors import InputError
from repro.cli import run_command_line
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from repro.sweep import transfer
from repro.sweep.cluster import ClusterRunner
from tests.support.cluster import Cluster
from tests.support.paths import ROOT
from tests.support.processes import lives, until
from tests.support.runs.planned import made_supervisor, make, plan, whole
from tests.support.sweeps import StandIn

needs_dask = pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed is not installed")


@pytest.fixture
def cluster(tmp_path: Path, stand_in: StandIn) -> Iterator[Cluster]:
    one = Cluster(tmp_path)
    yield one
    one.close()


def first_epochs(place: Path) -> list[Path]:
    """What runs have kept on the workers after their first epoch; folders may go while one looks."""
    places = [Path(at) for worker in place.glob("w*") for at, _, files in os.walk(worker) if "c1.npz" in files]
    return [at / "c1.npz" for at in places if at.name == "weights" and not at.parent.name.startswith(".")]


@pytest.mark.long
@needs_dask
def test_a_lost_worker_is_made_up_for_and_runs_come_back_whole(stand_in: StandIn, cluster: Cluster) -> None:
    stand_in.hold.touch()
    lost = cluster.worker()
    sweep = stand_in.start("sweep", stand_in.file, "--seeds", "0:4", "--json", "--scheduler", cluster.address)
    until(lambda: first_epochs(cluster.place))
    (kept,) = first_epochs(cluster.place)
    (pid,) = (
        json.loads(line)["pid"]
        for line in (kept.parents[1] / "events.jsonl").read_text().splitlines()
        if '"worker_started"' in line
    )
    lost.kill()
    lost.wait()
    until(lambda: not lives(pid))  # what it had started ends with it
    cluster.worker()
    cluster.worker()
    stand_in.hold.unlink()
    out, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 1, err
    assert err.count("\n") == 4 and "repro:" not in err, err
    (group,) = json.loads(out)["groups"]
    assert group["verdicts"] == {"REPRODUCED": 3, "NOT_REPRODUCED": 1, "INCONCLUSIVE": 0}
    for run in Store(stand_in.store).runs():
        result = run.result()
        assert result is not None and run.state() == "finished"
        assert dict.fromkeys(result.files, True) == {name: run.file(name).is_file() for name in result.files}
    again = stand_in.sweep("0:4", "--scheduler", cluster.address)
    assert again.code == 1 and {run["how"] for run in again.json["groups"][0]["runs"]} == {"kept"}


@pytest.mark.long
@needs_dask
def test_a_worker_with_another_lock_is_refused(stand_in: StandIn, cluster: Cluster, tmp_path: Path) -> None:
    other = tmp_path / "other"
    for name in ("repro", "environments", "scenarios"):
        shutil.copytree(ROOT / name, other / name, ignore=shutil.ignore_patterns("__pycache__"))
    lock = other / "environments" / "keras-3" / "requirements.lock"
    lock.write_text(lock.read_text() + "\n")
    cluster.worker(cwd=other)
    done = stand_in.sweep("0:2", "--scheduler", cluster.address)
    assert done.code == 3
    refusal, fault = done.err.splitlines()
    assert refusal.endswith("is refused: its lock of keras-3 is another one than here")
    assert fault.startswith("repro: none of the workers")
    with (other / "repro" / "verdict.py").open("a") as source:
        source.write("\nCHANGED = True\n")
    cluster.worker(cwd=other)
    cluster.worker()
    done = stand_in.sweep("0:2", "--scheduler", cluster.address)
    assert "other source files" in done.err and "another one than here" in done.err
    assert done.code == 0 and len(stand_in.runs()) == 2


@pytest.mark.long
@needs_dask
def test_a_worker_that_comes_after_a_refused_one_is_waited_for(
    stand_in: StandIn, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(runner: ClusterRunner, address: str, why: str) -> None:
        told(runner, address, why)
        cluster.worker()

    told = ClusterRunner._refuse
    monkeypatch.setattr(ClusterRunner, "_refuse", refuse)
    monkeypatch.setattr("repro.sweep.cluster.REFUSED_PATIENCE_SECONDS", 60.0)
    cluster.worker(REPRO_ENVIRONMENTS=str(cluster.place / "nowhere"))
    command = ["--store", str(stand_in.store), "sweep", str(stand_in.file), "--seeds", "0:2"]
    try:
        code = run_command_line([*command, "--scheduler", cluster.address])
    finally:
        logging.disable(logging.NOTSET)
    said = capsys.readouterr().err
    assert code == 0 and said.count("is refused: ") == 1, said


@pytest.mark.long
@needs_dask
def test_the_scheduler_is_gone(stand_in: StandIn, cluster: Cluster, tmp_path: Path) -> None:
    cluster.worker()
    assert stand_in.sweep("0:1", "--scheduler", cluster.address).code == 0
    stand_in.hold.touch()
    sweep = stand_in.start("sweep", stand_in.file, "--seeds", "0:3", "--json", "--scheduler", cluster.address)
    until(lambda: first_epochs(cluster.place))
    cluster.scheduler.kill()
    out, err = sweep.communicate(timeout=120)
    assert sweep.returncode == 4, err
    (line,) = [line for line in err.splitlines() if line.startswith("repro: ")]
    assert "is gone: the finished runs are kept; the same command goes on" in line
    assert "Traceback" not in err and len(err.splitlines()) == 2, err
    assert json.loads(out)["groups"][0]["verdicts"]["REPRODUCED"] == 1
    stand_in("sweep", stand_in.file, "--seeds", "0:3", "--scheduler", cluster.address).refused(3, "no Dask scheduler")
    stand_in.hold.unlink()
    other = Cluster(tmp_path / "second")
    try:
        other.worker()
        done = stand_in.sweep("0:3", "--scheduler", other.address)
    finally:
        other.close()
    assert done.code == 1
    assert [run["how"] for run in done.json["groups"][0]["runs"]] == ["kept", "trained", "trained"]


@pytest.mark.long
@needs_dask
@pytest.mark.parametrize("address", ["tls://127.0.0.1:9", "nothing://127.0.0.1:9", "tcp://127.0.0.1:x", "", "tcp://"])
def test_an_address_without_a_scheduler_is_one_line(stand_in: StandIn, address: str) -> None:
    stand_in("sweep", stand_in.file, "--seeds", "0:2", "--scheduler", address).refused(3, "no Dask scheduler answers")


@pytest.mark.long
@needs_dask
def test_a_signal_ends_the_runs_on_the_workers(stand_in: StandIn, cluster: Cluster) -> None:
    stand_in.hold.touch()
    cluster.worker()
    sweep = stand_in.start("sweep", stand_in.file, "--seeds", "0:3", "--scheduler", cluster.address)
    until(lambda: first_epochs(cluster.place))
    sweep.send_signal(signal.SIGINT)
    _, err = sweep.communicate(timeout=60)
    assert sweep.returncode == 4 and "Traceback" not in err, err
    until(lambda: not first_epochs(cluster.place))  # its run stopped, and its folder is gone


# -- run directories as bytes -----------------------------------------------------------------------------------------


def made(folder: Path, store: Path) -> RunDirectory:
    run = make(folder, store, *whole())
    supervisor = made_supervisor(run)
    supervisor._conclude()
    supervisor.log.close()
    return run


def test_only_the_run_that_was_asked_for_is_put_into_the_store(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(folder, tmp_path / "there")
    asked, files = plan(folder), plan(folder).files()
    record = run.record()
    here = Store(tmp_path / "here")
    here.check_writable()

    def refused(data: bytes, words: str, **other: object) -> None:
        with pytest.raises(InputError, match=words):
            transfer.received(data, **{"record": record, "files": files, **other}, scenario=asked.scenario, store=here)  # type: ignore[arg-type]
        assert list(here.path.iterdir()) == []

    good = transfer.packed(run, files)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        assert not set(archive.namelist()) & set(files), "what was sent does not come back"
    refused(good[:-40], "not a zip file, or cut off")
    refused(good, "not what was asked", record=msgspec.structs.replace(record, seed=7))
    refused(good, "do not have the hashes", files={**files, "scenario.yaml": b"another"})
    refused(transfer.packed(run, ()), "holds .*, which was sent")
    monkeypatch.setattr(transfer, "MAX_ARCHIVE_BYTES", len(good) - 1)
    refused(good, "more than 0: make it here, without --scheduler")
    monkeypatch.undo()
    refused(transfer.zipped({"../outside": b"x"}), "not allowed")
    with run.file("worker.log").open("a") as log:
        log.write("later\n")
    refused(transfer.packed(run, files), "do not have the hashes")
    text = run.file("result.json").read_text()
    run.file("result.json").write_text(text.replace('"outcome": "held"', '"outcome": "failed"'))
    run.file("worker.log").unlink()
    refused(transfer.packed(run, files), "claims do not follow")
    got = transfer.received(good, record, files, asked.scenario, here)
    assert got.state() == "finished" and got.id == run.id and here.runs() == [got]
