"""The environment record: what the engine and the worker know of where a run happened.

A probe's failure is a value: it stands under `missing` with its reason.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from repro.base.text import one_line
from repro.environment import check, machine
from repro.environment.definition import Environment

FORMAT = 1
IMAGE_FILE = Path("/opt/repro/image.json")

# Variables that may be written down; all others stay unseen.
RECORDED_VARIABLES = (
    "CUDA_MODULE_LOADING",
    "CUDA_VISIBLE_DEVICES",
    "KERAS_BACKEND",
    "KERAS_HOME",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "PYTHONHASHSEED",
    "TF_CPP_MIN_LOG_LEVEL",
    "TF_CUDNN_DETERMINISTIC",
    "TF_DETERMINISTIC_OPS",
    "TF_ENABLE_ONEDNN_OPTS",
    "TF_FORCE_GPU_ALLOW_GROWTH",
    "TF_USE_LEGACY_KERAS",
    "TF_XLA_FLAGS",
    "XLA_FLAGS",
)


def collect(environment: Environment, worker_record: dict[str, Any] | None = None) -> dict[str, Any]:
    """The whole record. `worker_record` is what the worker's probe sent (facts, missing, seconds)."""
    facts: dict[str, Any] = {}
    missing: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for name, probe in ENGINE_PROBES.items():
        started = time.perf_counter()
        try:
            facts[name] = probe(environment)
        except Exception as error:
            missing[name] = one_line(f"{type(error).__name__}: {error}", 300)
        seconds[name] = round(time.perf_counter() - started, 4)
    if worker_record is None:
        missing["worker"] = "not asked"
    else:
        facts.update(worker_record.get("facts", {}))
        missing.update(worker_record.get("missing", {}))
        seconds.update({f"worker.{name}": value for name, value in worker_record.get("seconds", {}).items()})
    return {"format": FORMAT, "collected": time.time(), "facts": facts, "missing": missing, "probe_seconds": seconds}


def _packages(environment: Environment) -> dict[str, str]:
    return dict(sorted(check.installed(environment)[1].items()))


def _cpu(_: Environment) -> dict[str, Any]:
    fields: dict[str, str] = {}
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    flags = set(fields.get("flags", "").split())
    wanted = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    return {
        "model": fields.get("model name", "unknown"),
        "vendor": fields.get("vendor_id", "unknown"),
        "family_model_stepping": "/".join(fields.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "instruction_sets": [flag for flag in wanted if flag in flags],
        "logical": os.cpu_count(),
        "usable": usable_cores(),
        "machine": platform.machine(),
    }


def usable_cores() -> int:
    """Cores that this process may use: its affinity, and the cgroup's quota rounded up."""
    cores = len(os.sched_getaffinity(0))
    quota = cgroup_cpu_quota()
    return max(1, min(cores, -(-int(quota * 1000) // 1000) if quota is not None else cores))


def cgroup_cpu_quota() -> float | None:
    """Cores' worth of time that the cgroup allows, None without a limit or where it cannot be read."""
    try:
        limit, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) / int(period)


def cgroup_memory_bytes() -> int | None:
    """Memory that the cgroup allows, None without a limit or where it cannot be read."""
    try:
        text = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return None
    return None if text == "max" else int(text)


def memory_bytes() -> int:
    """Memory of the machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _os(_: Environment) -> dict[str, str]:
    release = platform.freedesktop_os_release()
    return {"name": release.get("PRETTY_NAME", "unknown"), "system": platform.system()}


def _container(_: Environment) -> dict[str, Any]:
    found: dict[str, Any] = {"inside": inside_container()}
    if IMAGE_FILE.is_file():
        found["image"] = msgspec.json.decode(IMAGE_FILE.read_bytes())
    image_id = os.environ.get("REPRO_IMAGE_ID")
    if image_id:
        found["image_id"] = one_line(image_id, 100)
    return found


def inside_container() -> bool:
    """Whether this is our image, or another container."""
    return IMAGE_FILE.is_file() or Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()


ENGINE_PROBES: dict[str, Callable[[Environment], Any]] = {
    "environment": lambda environment: environment.name,
    "lock_sha256": lambda environment: environment.lock_sha256(),
    "packages": _packages,
    "drift": check.drift,
    "cpu": _cpu,
    "cgroup": lambda _: {"cpu_quota": cgroup_cpu_quota(), "memory_bytes": cgroup_memory_bytes()},
    "memory_bytes": lambda _: memory_bytes(),
    "os": _os,
    "kernel": lambda _: platform.release(),
    "container": _container,
    "platform": lambda _: machine.platform_facts(),
    "processor": lambda _: machine.processor(),
    "compilers": lambda _: machine.compilers(),
    "nvidia": lambda _: machine.nvidia(),
    "cuda_libraries": lambda _: machine.cuda_libraries(),
    "withheld_variables": lambda _: machine.withheld_variables(),
    "user_keras_json": lambda _: machine.user_keras_json(),
}
