"""`--device gpu` where there is none: exit 3 and the reason, before anything is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from repro.base.errors import UnusableError
from repro.environment import definition, requirements
from repro.runs.planning import RunOptions, make_plans
from repro.runs.store import Store
from tests.support.command_line import Repro


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without driver and devices: its /dev, with the driver's file beside it."""
    (tmp_path / "dev").mkdir()
    monkeypatch.setattr(requirements, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(requirements, "DRIVER", tmp_path / "version")
    return tmp_path / "dev"


def test_an_environment_without_cuda(machine: Path) -> None:
    (machine / "nvidia0").touch()
    with pytest.raises(UnusableError, match=r"keras-3 has a TensorFlow without CUDA") as refused:
        requirements.require_gpu(definition.get("keras-3"))
    assert refused.value.do == "add --environment keras-3-gpu"


def test_a_machine_without_a_driver(machine: Path) -> None:
    with pytest.raises(UnusableError, match="no NVIDIA driver is loaded"):
        requirements.require_gpu(definition.get("keras-3-gpu"))


def test_a_driver_without_a_device(machine: Path) -> None:
    requirements.DRIVER.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module\n")
    (machine / "nvidiactl").touch()
    with pytest.raises(UnusableError, match="is loaded but gives no device") as refused:
        requirements.require_gpu(definition.get("keras-3-gpu"))
    assert "compose.gpu.yaml" in refused.value.do


@pytest.mark.parametrize("device", ["nvidia0", "dxg"])
def test_a_device_is_left_to_tensorflow(machine: Path, device: str) -> None:
    (machine / device).touch()
    requirements.require_gpu(definition.get("keras-3-gpu"))
    assert requirements.why_gpu_is_absent() is None


@pytest.mark.parametrize("command", [["run"], ["sweep", "--seeds", "0:2"]])
def test_files_that_share_a_name_are_refused_in_words(
    machine: Path, repro: Repro, folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    one = definition.get("keras-3")
    monkeypatch.setattr("repro.runs.planning.choose_environments", lambda _: [one])
    other = folder / "other.yaml"
    other.write_text((folder / "s.yaml").read_text())
    repro(*command, folder / "s.yaml", other, "--environment", "all", "--device", "gpu").refused(3, "without CUDA")
    twice = [folder / "s.yaml", f"{folder}/images/../s.yaml"]
    repro(*command, *twice, "--environment", "all", "--device", "gpu").refused(3, "without CUDA")


def test_no_run_is_made(machine: Path, repro: Repro, store: Path) -> None:
    repro("run", "original-bug", "--device", "gpu").refused(3, "without CUDA", "--environment keras-3-gpu")
    repro("run", "original-bug", "--device", "gpu", "--environment", "keras-3-gpu").refused(3, "no NVIDIA driver")
    assert not list(store.glob("*"))


def test_a_run_does_not_go_on_without_its_gpu(machine: Path, repro: Repro, folder: Path, store: Path) -> None:
    plan = make_plans(
        RunOptions(scenarios=(str(folder / "s.yaml"),), environments=("keras-3-gpu",), device="gpu"),
        command=[],
        is_local=False,
    )
    run, lock = plan[0].create(Store(store))
    lock.close()
    repro("resume", run.id).refused(3, f"the run {run.id} asks for --device gpu: no NVIDIA", "go on where it began")
    assert not run.file("events.jsonl").exists()


def test_runs_of_other_machines_need_no_gpu_here(machine: Path) -> None:
    elsewhere = RunOptions(scenarios=("original-bug",), environments=("keras-3-gpu",), device="gpu")
    assert [plan.device for plan in make_plans(elsewhere, command=[], is_local=False)] == ["gpu"]
    without_cuda = RunOptions(scenarios=("original-bug",), device="gpu")
    with pytest.raises(UnusableError, match="without CUDA"):
        make_plans(without_cuda, command=[], is_local=False)
