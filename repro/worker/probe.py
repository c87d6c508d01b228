"""What only the worker can tell of its environment. A probe's failure is a value, never an exception."""

import os
import platform
import resource
import time

from repro_worker import process_facts


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


PROBES = {
    "versions": lambda adapter, request: adapter.versions(),
    "python": lambda adapter, request: process_facts.python(),
    "numpy": _numpy,
    "math_libraries": lambda adapter, request: process_facts.math_libraries(),
    "device": lambda adapter, request: adapter.device,
    "tensorflow_build": lambda adapter, request: process_facts.tensorflow_build(adapter.tf),
    "onednn": lambda adapter, request: process_facts.onednn(adapter.tf),
    "threads": lambda adapter, request: process_facts.threads(
        adapter.tf, {"intra_op": request["threads"], "inter_op": 1}
    ),
    "gpus": lambda adapter, request: process_facts.gpus(adapter.tf) if adapter.device == "gpu" else [],
    "determinism": _determinism,
    "graph_passes_left_out": lambda adapter, request: list(adapter.graph_passes_left_out),
    "keras_config": _keras_config,
    "libc": lambda adapter, request: " ".join(platform.libc_ver()),
    "variables": lambda adapter, request: {
        name: os.environ[name] for name in sorted(os.environ) if name in request["record_variables"]
    },
}
