"""Whether a GPU can be there at all, from what the kernel shows; TensorFlow has the last word, in the worker."""

from __future__ import annotations

from pathlib import Path

from repro.base.errors import UnusableError
from repro.environment.definition import Environment

DRIVER = Path("/proc/driver/nvidia/version")
DEVICES = Path("/dev")


def devices() -> list[Path]:
    """The GPUs' device files; WSL has one for all."""
    return sorted([*DEVICES.glob("nvidia[0-9]*"), *DEVICES.glob("dxg")])


def why_absent() -> str | None:
    """What is missing; None where there are devices."""
    if devices():
        return None
    return "the NVIDIA driver is loaded but gives no device" if DRIVER.is_file() else "no NVIDIA driver is loaded"


def require(environment: Environment, *, here: bool = True, run: str = "", instead: str = "") -> None:
    """UnusableError where `environment` cannot have a GPU: no CUDA in it; `here` also no driver, no device.

    `run`: the one that asked for it; `instead`: what its user can do without one.
    """
    whose = f"the run {run} asks for --device gpu" if run else "--device gpu"
    if "cuda" not in environment.definition.abilities:
        raise UnusableError(
            f"{whose}: {environment.name} has a TensorFlow without CUDA", do=instead or "add --environment keras-3-gpu"
        )
    reason = why_absent() if here else None
    if reason is not None:
        mend = "make its devices visible (in a container: compose.gpu.yaml)" if DRIVER.is_file() else "install it"
        instead = instead or "leave --device out: then the CPU is used"
        raise UnusableError(f"{whose}: {reason} ({DRIVER})", do=f"{mend}, or {instead}")
