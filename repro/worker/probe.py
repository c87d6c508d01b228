"""What only the worker can tell of its environment. A probe's failure is a value, never an exception."""

import ctypes
import io
import os
import platform
import re
import resource
import sys
import sysconfig
import time


def peak_memory_bytes():
    """Largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def record(adapter, request):
    """Facts about framework, device and kernels; the reason for each that could not be had; each probe's seconds."""
    facts, missing, seconds = {}, {}, {}
    for name, probe in PROBES.items():
        started = time.perf_counter()
        try:
            facts[name] = probe(adapter, request)
        except Exception as error:
            missing[name] = "{}: {}".format(type(error).__name__, error)[:300]
        seconds[name] = round(time.perf_counter() - started, 4)
    return {"facts": facts, "missing": missing, "seconds": seconds}


def _build_info(adapter, request):
    tf = adapter.tf
    info = {"git_version": getattr(tf, "GIT_VERSION", None) or tf.__git_version__, "compiler": tf.__compiler_version__}
    if hasattr(tf, "sysconfig") and hasattr(tf.sysconfig, "get_build_info"):
        info.update((key, str(value)) for key, value in tf.sysconfig.get_build_info().items())
    else:
        info["is_cuda_build"] = str(tf.test.is_built_with_cuda())
    return {key: value.decode() if isinstance(value, bytes) else str(value) for key, value in info.items()}


def _onednn(adapter, request):
    """Effective state of the oneDNN kernels."""
    tf = adapter.tf
    if int(tf.__version__.split(".")[0]) < 2:
        from tensorflow.python import pywrap_tensorflow

        enabled = getattr(pywrap_tensorflow, "IsMklEnabled", None)
        return bool(enabled()) if enabled else False
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())


def _threads(adapter, request):
    config = getattr(adapter.tf.config, "threading", None) if hasattr(adapter.tf, "config") else None
    if config is None:
        return {"intra_op": request["threads"], "inter_op": 1}
    return {
        "intra_op": config.get_intra_op_parallelism_threads(),
        "inter_op": config.get_inter_op_parallelism_threads(),
    }


def _gpus(adapter, request):
    tf = adapter.tf
    if not hasattr(tf, "config") or adapter.device != "gpu":
        return []
    return [
        {key: str(value) for key, value in tf.config.experimental.get_device_details(gpu).items()}
        for gpu in tf.config.list_physical_devices("GPU")
    ]


def _determinism(adapter, request):
    tf = adapter.tf
    enabled = False
    if hasattr(tf, "config"):
        from tensorflow.python.framework import config

        enabled = bool(config.is_op_determinism_enabled()) if hasattr(config, "is_op_determinism_enabled") else False
    facts = {"op_determinism": enabled, "seed": request["seed"], "hash_seed": os.environ.get("PYTHONHASHSEED")}
    experimental = getattr(getattr(tf, "config", None), "experimental", None)
    if hasattr(experimental, "tensor_float_32_execution_enabled"):
        facts["tensor_float_32"] = bool(experimental.tensor_float_32_execution_enabled())
    return facts


def _keras_config(adapter, request):
    backend = adapter.keras.backend
    facts = {"floatx": backend.floatx(), "epsilon": backend.epsilon(), "image_data_format": backend.image_data_format()}
    facts["path"] = getattr(adapter.keras, "__name__", "keras")
    policy = getattr(getattr(adapter.keras, "mixed_precision", None), "global_policy", None)
    if policy is None:
        policy = getattr(getattr(adapter.keras, "mixed_precision", None), "dtype_policy", None)
    if policy is not None:
        facts["dtype_policy"] = getattr(policy(), "name", "unknown")
    return facts


def _numpy(adapter, request):
    import numpy

    return numpy.__version__


def _python(adapter, request):
    """What tf_env_collect.sh and collect_env ask of the interpreter."""
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


LIBRARY = re.compile(
    r"(openblas|mkl|blis|libblas|lapack|gomp|iomp|libomp|dnnl|mkldnn|cudart|cublas|cudnn|nccl|gfortran)"
)


def _math_libraries(adapter, request):
    """Libraries for linear algebra, threads and GPUs that this process has loaded, as threadpoolctl tells them."""
    paths = set()
    with io.open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            path = line.split(None, 5)[-1].strip()
            if path.startswith("/") and ".so" in path and LIBRARY.search(os.path.basename(path).lower()):
                paths.add(path)
    return {os.path.basename(path): _library(path) for path in sorted(paths)}


def _library(path):
    """Configuration, kernel family and threads of an OpenBLAS; "loaded" for any other library."""
    if "openblas" not in os.path.basename(path).lower():
        return "loaded"
    library = ctypes.CDLL(path)
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


PROBES = {
    "versions": lambda adapter, request: adapter.versions(),
    "python": _python,
    "numpy": _numpy,
    "math_libraries": _math_libraries,
    "device": lambda adapter, request: adapter.device,
    "tensorflow_build": _build_info,
    "onednn": _onednn,
    "threads": _threads,
    "gpus": _gpus,
    "determinism": _determinism,
    "graph_passes_left_out": lambda adapter, request: list(adapter.graph_passes_left_out),
    "keras_config": _keras_config,
    "libc": lambda adapter, request: " ".join(platform.libc_ver()),
    "variables": lambda adapter, request: {
        name: os.environ[name] for name in sorted(os.environ) if name in request["record_variables"]
    },
}
