"""Sweeps that train, here and on a Dask cluster."""

from __future__ import annotations

import importlib.util
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from repro.runs.directory import RunDirectory
from tests.support import machine
from tests.support.cluster import Cluster
from tests.support.command_line import ended, run_process, start_process
from tests.support.processes import until

pytestmark = [pytest.mark.real, pytest.mark.evidence, pytest.mark.timeout(3600)]
SWEEP = ("sweep", "original-bug", "--seeds", "0:2", "--threads", "2", "--json")


def start(store: Path, *arguments: str) -> subprocess.Popen[str]:
    return start_process(*SWEEP, *arguments, store=store, variables=machine.with_installed_environments())


def answer(process: subprocess.Popen[str]) -> dict[str, Any]:
    done = ended(process)
    assert done.code in (0, 1), done.err
    (group,) = done.json["groups"]
    return dict(group)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sweep") / "here"


@pytest.fixture(scope="module")
def here(store: Path) -> dict[str, Any]:
    return answer(start(store))


def test_the_collapse_does_not_depend_on_the_seed(here: dict[str, Any], store: Path) -> None:
    rates = {claim["id"]: (claim["held"], claim["failed"], claim["unknown"]) for claim in here["claims"]}
    for name in ("Q1", "Q2", "A1", "A1-distance", "A3"):
        assert rates[name] == (2, 0, 0), name
    assert [run["how"] for run in here["runs"]] == ["trained"] * 2
    again = answer(start(store))
    assert [run["how"] for run in again["runs"]] == ["kept"] * 2
    assert again["claims"] == here["claims"]


def test_how_often_a_small_momentum_mends_it(tmp_path: Path) -> None:
    """The answer's remedy depends on the seed: ten of them in the environment of the report and in today's."""
    words = ("--environment", "keras-2.0.9", "--environment", "keras-3", "--json")
    done = run_process("sweep", "momentum-0.01", "--seeds", "0:10", *words, store=tmp_path)
    assert done.code in (0, 1), done.err
    for group in done.json["groups"]:
        claims = {claim["id"]: claim for claim in group["claims"]}
        print(group["environment"], claims["A5"])
        assert group["unfinished"] == 0
        assert claims["A5"]["held"] + claims["A5"]["failed"] == 10
        assert claims["A5-weight"]["rate"] == 1.0


def runs_below(place: Path) -> list[RunDirectory]:
    """The runs that the workers of a cluster make now."""
    return [RunDirectory(Path(at)) for at, _, files in os.walk(place) if "events.jsonl" in files]


@pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed is not installed")
def test_a_cluster_that_loses_a_worker_gives_the_bits_of_this_machine(
    here: dict[str, Any], store: Path, tmp_path: Path
) -> None:
    cluster = Cluster(tmp_path)
    there = tmp_path / "there"
    try:
        lost = cluster.worker()
        sweep = start(there, "--scheduler", cluster.address)
        until(lambda: any(run.progress().epoch for run in runs_below(tmp_path)), 300)
        cluster.worker()
        lost.kill()
        found = answer(sweep)
    finally:
        cluster.close()
    assert [run["state"] for run in found["runs"]] == ["finished"] * 2
    assert found["claims"] == here["claims"]
    for one, other in zip(here["runs"], found["runs"], strict=True):
        results = [RunDirectory(place / run["run"]).result() for place, run in ((store, one), (there, other))]
        assert results[0] is not None and results[1] is not None
        assert results[0].measurements == results[1].measurements
        assert len(results[1].files) == len(results[0].files)
