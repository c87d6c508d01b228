"""The user's own environment, as facts. A probe's failure is a value, never an exception.

No probe starts a process, since a program may count its children, and none loads what the program has not loaded.
"""

import json
import os
import platform
import re
import sys
import time

from repro_recorder import process_facts, values

VARIABLES = re.compile(
    r"^(TF_(?!CLI_|VAR_)|XLA_|KERAS_|CUDA_|CUDNN_|NVIDIA_|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|DNNL_|ONEDNN_"
    r"|PYTHONHASHSEED$|LANG$|LC_ALL$)"
)
INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")


def collect(lens):
    """Return environment.json: facts, the reason for each that could not be had, each probe's seconds."""
    facts, missing, seconds = {}, {}, {}
    for name, probe in sorted(PROBES.items()):
        started = time.perf_counter()
        try:
            facts[name] = probe(lens)
        except Exception as error:
            missing[name] = values.fault(error)
        seconds[name] = round(time.perf_counter() - started, 4)
    return {"format": 1, "collected": time.time(), "facts": facts, "missing": missing, "probe_seconds": seconds}


def packages():
    """Return {name: version} of all packages on the path, as their metadata folders say."""
    versions = {}
    for folder in sys.path:
        try:
            entries = os.listdir(folder or ".")
        except OSError:
            continue
        for entry in entries:
            if entry.endswith((".dist-info", ".egg-info")):
                name, version = _metadata(os.path.join(folder or ".", entry), entry)
                if name and version:
                    versions.setdefault(name.lower().replace("_", "-"), version)
    return dict(sorted(versions.items()))


def _metadata(path, entry):
    for candidate in (os.path.join(path, "METADATA"), os.path.join(path, "PKG-INFO"), path):
        if os.path.isfile(candidate):
            head = values.read_text(candidate, 4096)
            fields = [re.search(r"^{}:\s*(\S+)".format(key), head, re.M) for key in ("Name", "Version")]
            return tuple(field.group(1) if field else None for field in fields)
    name, _, version = entry.rsplit(".", 1)[0].partition("-")
    return name, version.split("-")[0]


def lock_text(versions):
    """Return requirements.lock: one NAME==VERSION a line."""
    return "".join("{}=={}\n".format(name, version) for name, version in sorted(versions.items()))


def _cpu(lens):
    fields = {}
    for line in values.read_text("/proc/cpuinfo").splitlines():
        key, colon, value = line.partition(":")
        if colon:
            fields.setdefault(key.strip(), value.strip())
    flags = set(fields.get("flags", "").split())
    return {
        "model": fields.get("model name", "unknown"),
        "vendor": fields.get("vendor_id", "unknown"),
        "family_model_stepping": "/".join(fields.get(key, "?") for key in ("cpu family", "model", "stepping")),
        "instruction_sets": [flag for flag in INSTRUCTIONS if flag in flags],
        "logical": os.cpu_count(),
        "usable": usable_cores(),
        "machine": os.uname().machine,
    }


def usable_cores():
    """Return the number of cores that this process may use: its affinity and the cgroup's quota, rounded up."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        limit, period = values.read_text("/sys/fs/cgroup/cpu.max").split()
        return cores if limit == "max" else max(1, min(cores, -(-int(limit) // int(period))))
    except (IOError, OSError, ValueError):
        return cores


def _cgroup(lens):
    def limit(name):
        try:
            word = values.read_text("/sys/fs/cgroup/" + name).split()
        except (IOError, OSError):
            return None
        if not word or word[0] == "max":
            return None
        return int(word[0]) if len(word) == 1 else int(word[0]) / int(word[1])

    return {"cpu_quota": limit("cpu.max"), "memory_bytes": limit("memory.max")}


def _os(lens):
    match = re.search(r'^PRETTY_NAME="?([^"\n]*)', values.read_text("/etc/os-release"), re.M)
    return {"name": match.group(1) if match else "unknown", "system": os.uname().sysname}


def _platform(lens):
    """Return uname's answers; those of the module `platform` start processes."""
    name = os.uname()
    return {
        "platform": "-".join((name.sysname, name.release, name.machine)),
        "version": name.version,
        "machine": name.machine,
        "architecture": "{}bit".format(64 if sys.maxsize > 2**32 else 32),
    }


def _keras_json(lens):
    folder = os.environ.get("KERAS_HOME") or os.path.join(os.path.expanduser("~"), ".keras")
    path = os.path.join(folder, "keras.json")
    if not os.path.isfile(path):
        return {"present": False}
    settings = json.loads(values.read_text(path, 65536))
    names = ("floatx", "epsilon", "backend", "image_data_format", "image_dim_ordering", "dtype_policy")
    return dict({name: settings[name] for name in names if name in settings}, present=True)


def _container(lens):
    return {"inside": os.path.exists("/.dockerenv") or os.path.exists("/run/.containerenv")}


def deterministic(lens):
    """Return whether TensorFlow was told to be deterministic."""
    if os.environ.get("TF_DETERMINISTIC_OPS") in ("1", "true"):
        return True
    module = sys.modules.get("tensorflow.python.framework.config")
    return bool(module.is_op_determinism_enabled()) if hasattr(module, "is_op_determinism_enabled") else False


def _determinism(lens):
    facts = {"op_determinism": deterministic(lens), "seed": None, "hash_seed": os.environ.get("PYTHONHASHSEED")}
    experimental = getattr(getattr(lens.tf, "config", None), "experimental", None)
    if hasattr(experimental, "tensor_float_32_execution_enabled"):
        facts["tensor_float_32"] = bool(experimental.tensor_float_32_execution_enabled())
    return facts


def _keras_config(lens):
    backend = lens.keras.backend
    facts = {name: getattr(backend, name)() for name in ("floatx", "epsilon", "image_data_format")}
    facts["path"] = lens.keras.__name__
    facts["dtype_policy"] = lens.dtype_policy()
    return facts


def _numpy(lens):
    import numpy

    return numpy.__version__


PROBES = {
    "environment": lambda lens: "recorded",
    "packages": lambda lens: packages(),
    "drift": lambda lens: [],
    "cpu": _cpu,
    "cgroup": _cgroup,
    "memory_bytes": lambda lens: os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    "os": _os,
    "kernel": lambda lens: os.uname().release,
    "container": _container,
    "platform": _platform,
    "versions": lambda lens: lens.versions(),
    "python": lambda lens: process_facts.python(),
    "numpy": _numpy,
    "math_libraries": lambda lens: process_facts.math_libraries(),
    "device": lambda lens: "gpu" if process_facts.gpus(lens.tf) else "cpu",
    "tensorflow_build": lambda lens: process_facts.tensorflow_build(lens.tf),
    "onednn": lambda lens: process_facts.onednn(lens.tf),
    "threads": lambda lens: process_facts.threads(lens.tf, {"intra_op": 0, "inter_op": 0}),
    "gpus": lambda lens: process_facts.gpus(lens.tf),
    "determinism": _determinism,
    "keras_config": _keras_config,
    "libc": lambda lens: " ".join(platform.libc_ver()),
    "user_keras_json": _keras_json,
    "variables": lambda lens: {name: os.environ[name] for name in sorted(os.environ) if VARIABLES.match(name)},
}
