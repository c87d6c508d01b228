"""`--device gpu` where there is none: exit 3 and the reason, before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from repro.environment import definition, gpu
from repro.errors import UnusableError
from tests.engine.conftest import Answer

Repro = Callable[..., Answer]


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without driver and devices: its /dev, with the driver's file beside it."""
    (tmp_path / "dev").mkdir()
    monkeypatch.setattr(gpu, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(gpu, "DRIVER", tmp_path / "version")
    return tmp_path / "dev"


def test_an_environment_without_cuda(machine: Path) -> None:
    (machine / "nvidia0").touch()
    with pytest.raises(UnusableError, match=r"keras-3 has a TensorFlow without CUDA") as refused:
        gpu.require(definition.get("keras-3"))
    assert refused.value.do == "add --environment keras-3-gpu"


def test_a_machine_without_a_driver(machine: Path) -> None:
    with pytest.raises(UnusableError, match="no NVIDIA driver is loaded"):
        gpu.require(definition.get("keras-3-gpu"))


def test_a_driver_without_a_device(machine: Path) -> None:
    gpu.DRIVER.write_text("NVRM version: NVIDIA UNIX x86_64 Kernel Module\n")
    (machine / "nvidiactl").touch()
    with pytest.raises(UnusableError, match="is loaded but gives no device"):
        gpu.require(definition.get("keras-3-gpu"))


@pytest.mark.parametrize("device", ["nvidia0", "dxg"])
def test_a_device_is_left_to_tensorflow(machine: Path, device: str) -> None:
    (machine / device).touch()
    gpu.require(definition.get("keras-3-gpu"))
    assert gpu.why_absent() is None


def test_no_run_is_made(machine: Path, repro: Repro, store: Path) -> None:
    repro("run", "original-bug", "--device", "gpu").refused(3, "without CUDA", "--environment keras-3-gpu")
    repro("run", "original-bug", "--device", "gpu", "--environment", "keras-3-gpu").refused(3, "no NVIDIA driver")
    assert not list(store.glob("*"))
