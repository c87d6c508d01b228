"""The user's own environment, as facts. A probe's failure is a value, never an exception.

No probe starts a process, since a program may count its children, and none loads what the program has not loaded.
"""

import ctypes
import io
import json
import os
import platform
import re
import sys
import sysconfig
import time

from repro_recorder import values

VARIABLES = re.compile(
    r"^(TF_(?!CLI_|VAR_)|XLA_|KERAS_|CUDA_|CUDNN_|NVIDIA_|OMP_|GOMP_|KMP_|MKL_|OPENBLAS_|DNNL_|ONEDNN_"
    r"|PYTHONHASHSEED$|LANG$|LC_ALL$)"
)
LIBRARY = re.compile(
    r"(openblas|mkl|blis|libblas|lapack|gomp|iomp|libomp|dnnl|mkldnn|cudart|cublas|cudnn|nccl|gfortran)"
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


def _python(lens):
    return {
        "version": platform.python_version(),
        "version_info": [str(part) for part in sys.version_info],
        "implementation": platform.python_implementation(),
        "branch": platform.python_branch(),
        "compiler": platform.python_compiler(),
        "build": " ".join(platform.python_build()),
        "bits": 64 if sys.maxsize > 2**32 else 32,
        "debug_build": bool(sysconfig.get_config_var("Py_DEBUG")),
        "virtual_environment": sys.prefix != getattr(sys, "base_prefix", sys.prefix) or hasattr(sys, "real_prefix"),
        "conda": os.path.isdir(os.path.join(sys.prefix, "conda-meta")),
        "flags": [name for name in ("no_user_site", "hash_randomization") if getattr(sys.flags, name)],
    }


def _math_libraries(lens):
    paths = set()
    with io.open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            path = line.split(None, 5)[-1].strip()
            if path.startswith("/") and ".so" in path and LIBRARY.search(os.path.basename(path).lower()):
                paths.add(path)
    return {os.path.basename(path): _library(path) for path in sorted(paths)}


def _library(path):
    """Return the configuration, kernels and threads of an OpenBLAS; "loaded" for any other library."""
    if "openblas" not in os.path.basename(path).lower():
        return "loaded"
    library = ctypes.CDLL(path)  # it is loaded already
    facts = {}
    for fact, name, kind in (
        ("config", "openblas_get_config", ctypes.c_char_p),
        ("architecture", "openblas_get_corename", ctypes.c_char_p),
        ("threads", "openblas_get_num_threads", ctypes.c_int),
    ):
        for prefix in ("", "scipy_"):
            for suffix in ("", "64_", "_64"):
                function = getattr(library, prefix + name + suffix, None)
                if function is not None and fact not in facts:
                    function.restype = kind
                    value = function()
                    facts[fact] = value.decode() if isinstance(value, bytes) else value
    return facts


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


def _build_info(lens):
    tf = lens.tf
    info = {
        "git_version": getattr(tf, "GIT_VERSION", None) or getattr(tf, "__git_version__", "unknown"),
        "compiler": getattr(tf, "__compiler_version__", "unknown"),
    }
    if hasattr(getattr(tf, "sysconfig", None), "get_build_info"):
        info.update((key, str(value)) for key, value in tf.sysconfig.get_build_info().items())
    return {key: value.decode() if isinstance(value, bytes) else str(value) for key, value in info.items()}


def _onednn(lens):
    if lens.tensorflow_version < (2,):
        module = __import__("tensorflow.python.pywrap_tensorflow", fromlist=["IsMklEnabled"])
        enabled = getattr(module, "IsMklEnabled", None)
        return bool(enabled()) if enabled else False
    module = __import__("tensorflow.python.util._pywrap_util_port", fromlist=["IsMklEnabled"])
    return bool(module.IsMklEnabled())


def _threads(lens):
    config = getattr(getattr(lens.tf, "config", None), "threading", None)
    if config is None:
        return {"intra_op": 0, "inter_op": 0}
    return {
        "intra_op": config.get_intra_op_parallelism_threads(),
        "inter_op": config.get_inter_op_parallelism_threads(),
    }


def _gpus(lens):
    config = getattr(lens.tf, "config", None)
    if config is None or not hasattr(config, "list_physical_devices"):
        return []
    return [
        {key: str(value) for key, value in config.experimental.get_device_details(gpu).items()}
        for gpu in config.list_physical_devices("GPU")
    ]


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
    "python": _python,
    "numpy": _numpy,
    "math_libraries": _math_libraries,
    "device": lambda lens: "gpu" if _gpus(lens) else "cpu",
    "tensorflow_build": _build_info,
    "onednn": _onednn,
    "threads": _threads,
    "gpus": _gpus,
    "determinism": _determinism,
    "keras_config": _keras_config,
    "libc": lambda lens: " ".join(platform.libc_ver()),
    "user_keras_json": _keras_json,
    "variables": lambda lens: {name: os.environ[name] for name in sorted(os.environ) if VARIABLES.match(name)},
}
