"""What only the worker can tell of its environment. A probe's failure is a value, never an exception."""

import os
import platform
import resource
import sys


def peak_memory_bytes():
    """Largest resident size of this process so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def record(adapter, request):
    """Facts about framework, device and kernels, with the reason for each that could not be had."""
    facts, missing = {}, {}
    for name, probe in PROBES.items():
        try:
            facts[name] = probe(adapter, request)
        except Exception as error:
            missing[name] = "{}: {}".format(type(error).__name__, error)[:300]
    return {"facts": facts, "missing": missing}


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
    return {"op_determinism": enabled, "seed": request["seed"], "hash_seed": os.environ.get("PYTHONHASHSEED")}


def _keras_config(adapter, request):
    backend = adapter.keras.backend
    facts = {"floatx": backend.floatx(), "epsilon": backend.epsilon(), "image_data_format": backend.image_data_format()}
    facts["path"] = getattr(adapter.keras, "__name__", "keras")
    return facts


def _numpy(adapter, request):
    import numpy

    return numpy.__version__


PROBES = {
    "versions": lambda adapter, request: adapter.versions(),
    "python": lambda adapter, request: {
        "version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "compiler": platform.python_compiler(),
        "build": " ".join(platform.python_build()),
        "flags": [name for name in ("no_user_site", "hash_randomization") if getattr(sys.flags, name)],
    },
    "numpy": _numpy,
    "device": lambda adapter, request: adapter.device,
    "tensorflow_build": _build_info,
    "onednn": _onednn,
    "threads": _threads,
    "gpus": _gpus,
    "determinism": _determinism,
    "keras_config": _keras_config,
    "libc": lambda adapter, request: " ".join(platform.libc_ver()),
    "variables": lambda adapter, request: {
        name: os.environ[name] for name in sorted(os.environ) if name in request["record_variables"]
    },
}
