"""What a process with TensorFlow tells of itself: interpreter, loaded libraries, build, kernels, threads, GPUs.

For Python 3.6, too. It travels with the recorder as well (`recorder/single_file`): no probe starts a process, and none
loads what the program has not loaded.
"""

import ctypes
import io
import os
import platform
import re
import sys
import sysconfig

LIBRARY = re.compile(
    r"(openblas|mkl|blis|libblas|lapack|gomp|iomp|libomp|dnnl|mkldnn|cudart|cublas|cudnn|nccl|gfortran)"
)


def python():
    """Return what tf_env_collect.sh and collect_env ask of the interpreter."""
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


def math_libraries():
    """Return the libraries for linear algebra, threads and GPUs that this process has loaded, as threadpoolctl does."""
    paths = set()
    with io.open("/proc/self/maps", encoding="utf-8", errors="replace") as stream:
        for line in stream:
            path = line.split(None, 5)[-1].strip()
            if path.startswith("/") and ".so" in path and LIBRARY.search(os.path.basename(path).lower()):
                paths.add(path)
    return {os.path.basename(path): _library(path) for path in sorted(paths)}


def _library(path):
    """Return configuration, kernel family and threads of an OpenBLAS; "loaded" for any other library."""
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


def tensorflow_build(tf):
    """Return TensorFlow's git version, compiler and build settings."""
    info = {
        "git_version": getattr(tf, "__git_version__", None) or getattr(tf, "GIT_VERSION", "unknown"),
        "compiler": getattr(tf, "__compiler_version__", "unknown"),
    }
    if hasattr(getattr(tf, "sysconfig", None), "get_build_info"):
        info.update((key, str(value)) for key, value in tf.sysconfig.get_build_info().items())
    elif hasattr(getattr(tf, "test", None), "is_built_with_cuda"):
        info["is_cuda_build"] = str(tf.test.is_built_with_cuda())
    return {key: value.decode() if isinstance(value, bytes) else str(value) for key, value in info.items()}


def onednn(tf):
    """Return the effective state of the oneDNN kernels."""
    if int(tf.__version__.split(".")[0]) < 2:
        from tensorflow.python import pywrap_tensorflow

        enabled = getattr(pywrap_tensorflow, "IsMklEnabled", None)
        return bool(enabled()) if enabled else False
    from tensorflow.python.util import _pywrap_util_port

    return bool(_pywrap_util_port.IsMklEnabled())


def threads(tf, unknown):
    """Return the threads of one operation and of several; `unknown` from a TensorFlow that does not tell."""
    config = getattr(getattr(tf, "config", None), "threading", None)
    if config is None:
        return unknown
    return {
        "intra_op": config.get_intra_op_parallelism_threads(),
        "inter_op": config.get_inter_op_parallelism_threads(),
    }


def gpus(tf):
    """Return what TensorFlow tells of each GPU."""
    config = getattr(tf, "config", None)
    if not hasattr(config, "list_physical_devices"):
        return []
    return [
        {key: str(value) for key, value in config.experimental.get_device_details(gpu).items()}
        for gpu in config.list_physical_devices("GPU")
    ]
