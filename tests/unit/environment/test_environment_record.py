"""Every probe is documented, isolated and timed; what the usual collectors ask for is there."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

from repro.environment import check, definition, machine, record
from repro.supervise.worker_process import WORKER
from tests.support.paths import ROOT
from tests.support.programs import worker_package

DOCUMENT = ROOT / "docs" / "environment-record.md"


@pytest.fixture(scope="module")
def worker_probe() -> Any:
    """Return the module of the worker that has its probes."""
    worker_package.load(str(WORKER))
    return importlib.import_module("repro_worker.probe")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> definition.Environment:
    monkeypatch.setattr(check, "installed", lambda environment: ("3.12.1", {"numpy": "2.0"}))
    monkeypatch.setattr(check, "drift", lambda environment, packages=None: [])
    return definition.get("keras-3")


def test_every_fact_is_in_the_document(worker_probe: Any) -> None:
    names = set(re.findall(r"`([a-z0-9_]+)", DOCUMENT.read_text().partition("## What the usual")[0]))
    assert {*record.ENGINE_PROBES, *worker_probe.PROBES} <= names


def test_a_probe_that_fails_is_a_value(environment: definition.Environment, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Any) -> Any:
        raise PermissionError("no \x1b[2J such file")

    monkeypatch.setitem(record.ENGINE_PROBES, "kernel", broken)
    found = record.collect(
        environment, {"facts": {"numpy": "2.0"}, "missing": {"gpus": "x"}, "seconds": {"numpy": 0.1}}
    )
    assert "kernel" not in found["facts"] and found["facts"]["numpy"] == "2.0"
    assert found["missing"]["kernel"].startswith("PermissionError: ") and found["missing"]["kernel"].isprintable()
    assert found["missing"]["gpus"] == "x"
    assert found["probe_seconds"].keys() >= {"kernel", "cpu", "worker.numpy"}


def test_no_probe_hides_another(environment: definition.Environment) -> None:
    found = record.collect(environment)
    assert found["missing"].keys() & found["facts"].keys() == set()
    assert found["missing"].keys() | found["facts"].keys() >= set(record.ENGINE_PROBES)
    assert found["missing"]["worker"] == "not asked"


def test_a_worker_probe_that_fails_is_a_value(worker_probe: Any) -> None:
    found = worker_probe.record(object(), {"threads": 1})
    assert found["facts"].keys() | found["missing"].keys() == worker_probe.PROBES.keys()
    assert found["seconds"].keys() == worker_probe.PROBES.keys()
    assert "python" in found["facts"] and "AttributeError" in found["missing"]["versions"]


def test_values_of_withheld_variables_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TF_XLA_FLAGS", "KERAS_BACKEND", "MKL_NUM_THREADS", "TF_VAR_password", "MY_TOKEN"):
        monkeypatch.setenv(name, "zq-value")
    found = machine.withheld_variables()
    assert {"TF_XLA_FLAGS", "KERAS_BACKEND", "MKL_NUM_THREADS"} <= set(found)
    assert not {"TF_VAR_password", "MY_TOKEN"} & set(found) and "zq-value" not in str(found)


def test_the_users_keras_json_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    assert machine.user_keras_json() == {"present": False}
    (tmp_path / "keras.json").write_text('{"floatx": "float16", "epsilon": 1e-3, "note": "mine"}')
    assert machine.user_keras_json() == {"present": True, "floatx": "float16", "epsilon": 1e-3}


def test_programs_that_are_not_there_are_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert set(machine.compilers().values()) == {"not installed"}
    with pytest.raises(FileNotFoundError, match="nvidia-smi is not installed"):
        machine.nvidia()
