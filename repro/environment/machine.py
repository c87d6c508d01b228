"""Facts of the machine that torch's collect_env, sklearn's show_versions and TensorFlow's tf_env_collect.sh ask for.

Each function is one probe: it raises where a fact cannot be had, and the caller writes the reason down. None of them
keeps a name of a person or a machine, or a path. The table of all fields is in docs/environment-record.md.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from repro.base.decoding import decode_json
from repro.base.text import one_line

_SYSTEM = Path("/sys/devices/system")
_COMPILERS = {
    "gcc": ("gcc", "--version"),
    "c++": ("c++", "--version"),
    "clang": ("clang", "--version"),
    "cmake": ("cmake", "--version"),
    "bazel": ("bazel", "--version"),
    "nvcc": ("nvcc", "--version"),
}
_GPU_FIELDS = ("name", "driver_version", "memory.total", "compute_cap", "vbios_version")
# Chooses TensorFlow's kernels, and with them the last digits.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
# The only variables of the user's that the worker gets.
PASSED_ON = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "TF_FORCE_GPU_ALLOW_GROWTH", ONEDNN)
# Others that it does not get; their names are recorded, so that nothing acts unseen.
# TF_CLI_ and TF_VAR_ are Terraform's.
_WITHHELD = re.compile(
    r"^(TF_(?!CLI_|VAR_)|XLA_|KERAS_|CUDA_|CUDNN_|NVIDIA_|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|DNNL_|ONEDNN_|LD_|DYLD_|PYTHON)"
)


def output_of(*command: str, timeout_seconds: float = 5.0) -> str:
    """Standard output of a program; raises where it is not there or fails."""
    if shutil.which(command[0]) is None:
        raise FileNotFoundError(f"{command[0]} is not installed")
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout_seconds,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        raise OSError(f"{command[0]} failed: {lines[0]}")
    return done.stdout.strip()


def platform_facts() -> dict[str, Any]:
    """What uname and Python's platform module say, without the machine's name."""
    return {
        "platform": platform.platform(),
        "version": platform.version(),
        "machine": platform.machine(),
        "architecture": " ".join(platform.architecture()),
        "engine_python": sys.version.replace("\n", " "),
    }


def compilers() -> dict[str, str]:
    """First line of each compiler's version; those that are not installed say so."""
    found = {}
    for name, command in _COMPILERS.items():
        try:
            lines = output_of(*command).splitlines()
            found[name] = one_line(lines[-1] if name == "nvcc" else lines[0], 200)
        except FileNotFoundError:
            found[name] = "not installed"
        except (OSError, IndexError, subprocess.SubprocessError) as error:
            found[name] = one_line(f"not to be had: {error}", 200)
    return found


def nvidia() -> dict[str, Any]:
    """Driver, CUDA of the driver, and each GPU's name, memory and compute capability (no serial numbers)."""
    rows = output_of("nvidia-smi", f"--query-gpu={','.join(_GPU_FIELDS)}", "--format=csv,noheader")
    gpus = [dict(zip(_GPU_FIELDS, map(str.strip, row.split(",")), strict=False)) for row in rows.splitlines()]
    cuda = re.search(r"CUDA Version:\s*([\d.]+)", output_of("nvidia-smi"))
    return {"gpus": gpus, "cuda": cuda[1] if cuda else "not said"}


def cuda_libraries() -> list[str]:
    """CUDA and cuDNN libraries that the loader finds on its own (those of packages are in `packages`)."""
    loader = shutil.which("ldconfig") or "/sbin/ldconfig"
    done = subprocess.run([loader, "-p"], capture_output=True, text=True, timeout=5, check=True)
    return sorted(
        set(re.findall(r"^\s*(lib(?:cuda|cudart|cudnn|cublas|nccl|nvinfer)[\w-]*\.so[\d.]*)", done.stdout, re.M))
    )


def processor() -> dict[str, Any]:
    """What lscpu tells of topology, caches and mitigations."""
    text = Path("/proc/cpuinfo").read_text()
    found: dict[str, Any] = {
        "sockets": len(set(re.findall(r"^physical id\s*:\s*(\d+)", text, re.M))) or 1,
        "cores": len(set(re.findall(r"^core id\s*:\s*(\d+)", text, re.M))) or None,
        "microcode": _first(r"^microcode\s*:\s*(\S+)", text),
        "hypervisor": "hypervisor" in text,
        "byte_order": sys.byteorder,
        "numa_nodes": len(list(_SYSTEM.glob("node/node[0-9]*"))),
        "caches": {},
        "mitigations": {},
    }
    for index in sorted(_SYSTEM.glob("cpu/cpu0/cache/index*")):
        level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        found["caches"][f"L{level} {kind.lower()}"] = size
    for file in sorted(_SYSTEM.glob("cpu/vulnerabilities/*")):
        found["mitigations"][file.name] = one_line(file.read_text().strip(), 200)
    maximum = _SYSTEM / "cpu/cpu0/cpufreq/cpuinfo_max_freq"
    if maximum.is_file():
        found["maximum_mhz"] = int(maximum.read_text()) // 1000
    return found


def _first(pattern: str, text: str) -> str | None:
    match = re.search(pattern, text, re.M)
    return match[1] if match else None


def withheld_variables() -> list[str]:
    """Names of the user's variables that would act on Keras or TensorFlow; values are not kept."""
    return sorted(name for name in os.environ if _WITHHELD.match(name) and name not in PASSED_ON)


def user_keras_json() -> dict[str, Any]:
    """What the user's own keras.json says; the worker, with a home of its own, does not see it."""

    folder = os.environ.get("KERAS_HOME") or str(Path(os.environ.get("HOME") or "/nonexistent") / ".keras")
    file = Path(folder) / "keras.json"
    if not file.is_file():
        return {"present": False}
    data = decode_json(file.read_bytes()[:65536], dict[str, str | float | int | bool | None])
    known = ("floatx", "epsilon", "backend", "image_data_format", "image_dim_ordering", "dtype_policy")
    return {"present": True, **{name: data[name] for name in known if name in data}}
