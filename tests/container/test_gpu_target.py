"""The image for NVIDIA GPUs, where there is none: it builds, trains on the CPU, and says why --device gpu cannot be."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.docker import GID, UID, docker

pytestmark = [pytest.mark.container, pytest.mark.evidence, pytest.mark.timeout(3600)]


@pytest.fixture(scope="module")
def gpu_image(engine: None) -> str:
    """Built as the README of the container says: the base file with the GPU file over it (3 GB of wheels)."""
    docker("compose", "-f", "docker-compose.yml", "-f", "compose.gpu.yaml", "build", "repro")
    return "repro:gpu"


def run(image: str, store: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One command in the image, confined as Compose confines it; without an NVIDIA toolkit, Compose cannot start it."""
    store.mkdir(exist_ok=True)
    shutil.chown(store, UID, GID)
    confined = ("--network", "none", "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp", "-u", f"{UID}:{GID}")
    return docker("run", "--rm", *confined, "-v", f"{store}:/runs", image, *arguments, check=check)


def test_its_environment_is_as_locked_and_trains_on_the_cpu(gpu_image: str, tmp_path: Path) -> None:
    store = tmp_path / "runs"
    run(gpu_image, store, "environment", "check", "keras-3-gpu")
    done = run(gpu_image, store, "run", "original-bug", "--environment", "keras-3-gpu", "--json")
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["verdict"] == "REPRODUCED"
    record = json.loads((store / found["run"] / "environment.json").read_text())["facts"]
    assert record["device"] == "cpu"
    assert "repro.lock.keras-3-gpu" in json.dumps(record["container"])


def test_a_gpu_that_is_not_there(gpu_image: str, tmp_path: Path) -> None:
    if shutil.which("nvidia-smi"):
        pytest.skip("this machine may have a GPU")
    asked = ("run", "original-bug", "--environment", "keras-3-gpu", "--device", "gpu")
    done = run(gpu_image, tmp_path / "runs", *asked, check=False)
    assert done.returncode == 3
    assert "no NVIDIA driver is loaded" in done.stderr
    assert not list((tmp_path / "runs").iterdir())
