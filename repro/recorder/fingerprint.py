"""What a model is: its layers, how it was compiled, which weights it has."""

import hashlib

import numpy as np

from repro_recorder import values

CONFIG = (
    "activation",
    "units",
    "filters",
    "kernel_size",
    "strides",
    "padding",
    "rate",
    "momentum",
    "epsilon",
    "axis",
    "use_bias",
    "center",
    "scale",
    "renorm",
    "noise_shape",
    "stddev",
    "return_sequences",
    "stateful",
    "data_format",
)


def fingerprint(lens):
    """Return `fingerprint` of `model_built`."""
    layers = lens.layers()
    moving = lens.moving()
    listed = [_layer_facts(lens, path, layer) for path, layer in layers[:2000]]
    return {
        "layers": len(getattr(lens.model, "layers", layers)),
        "parameters": sum(entry_count(variable) for _, _, variable in lens.variables()),
        "batch_norm_layers": len([each for each in moving if each.layer.trainable]),
        "momentum": sorted({each.momentum for each in moving}),
        "epsilon": sorted({each.epsilon for each in moving}),
        "name": getattr(lens.model, "name", None),
        "class": type(lens.model).__name__,
        "kind": lens.model_kind(),
        "architecture": architecture(lens),
        "initial_weights_sha256": weights_sha256(lens),
        "list": listed,
        "inputs": lens.input_shapes(),
        "outputs": outputs_of(lens),
        "stochastic": [layer.name for layer in lens.stochastic_layers()],
        "shared": [entry["name"] for entry in listed if entry["calls"] > 1],
    }


def entry_count(variable):
    """Return the number of entries of a variable."""
    return int(np.prod([int(side) for side in variable.shape] or [1]))


def _layer_facts(lens, path, layer):
    config = {}
    for name in CONFIG:
        value = getattr(layer, name, None)
        if value is not None and (isinstance(value, (bool, int, float, str, tuple, list)) or callable(value)):
            config[name] = values.brief(value, 100) if callable(value) else value
    try:
        parameters = sum(entry_count(variable) for variable in layer.weights)
    except Exception:
        parameters = None
    return {
        "name": layer.name,
        "path": path,
        "class": type(layer).__name__,
        "trainable": bool(getattr(layer, "trainable", True)),
        "parameters": parameters,
        "calls": lens.calls_in_graph(layer),
        "config": config,
    }


def outputs_of(lens):
    """Return {layer, activation, units, shape} of each output of the model."""
    described = []
    for layer, shape in lens.output_layers():
        activation = getattr(layer, "activation", None)
        described.append(
            {
                "layer": layer.name,
                "class": type(layer).__name__,
                "activation": None if activation is None else values.brief(activation, 100),
                "units": getattr(layer, "units", None) or getattr(layer, "filters", None),
                "shape": shape,
            }
        )
    return described


def architecture(lens):
    """Return a hash over the kinds and shapes of all weights in Keras's order; names do not enter."""
    digest = hashlib.sha256()
    for _, kind, variable in lens.variables():
        digest.update("{} {}\n".format(kind, [int(side) for side in variable.shape]).encode())
    return digest.hexdigest()


def weights_sha256(lens):
    """Return the SHA-256 over the bytes of all weights in Keras's order."""
    digest = hashlib.sha256()
    for array in lens.arrays([variable for _, _, variable in lens.variables()]):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def compiled(lens):
    """Return `compiled` of `fit_started`."""
    model = lens.model
    optimizer = getattr(model, "optimizer", None)
    loss = lens.compiled_loss()
    losses = [item for _, item in values.leaves(loss)] if loss is not None else []
    settings = None if optimizer is None else {"name": type(optimizer).__name__, "config": _config(lens, optimizer)}
    return {
        "optimizer": settings,
        "learning_rate": learning_rate(lens),
        "loss": [values.brief(item) if not isinstance(item, str) else item for item in losses],
        "from_logits": [_from_logits(item) for item in losses],
        "metrics": [_metric_name(item) for item in lens.compiled_metrics()],
        "loss_weights": values.jsonable(getattr(model, "loss_weights", None)),
        "run_eagerly": _plain(getattr(model, "run_eagerly", None)),
        "jit_compile": _plain(getattr(model, "jit_compile", None)),
        "steps_per_execution": _plain(getattr(model, "steps_per_execution", None)),
        "dtype_policy": lens.dtype_policy(),
        "custom_train_step": lens.is_custom("train_step"),
        "custom_call": lens.model_kind() == "subclassed",
    }


def _metric_name(metric):
    if isinstance(metric, str):
        return metric
    name = getattr(metric, "name", None)
    return name if isinstance(name, str) else values.brief(metric)


def _from_logits(loss):
    if isinstance(loss, str):
        return False
    for holder in (loss, getattr(loss, "_fn_kwargs", None), getattr(loss, "keywords", None)):
        flag = holder.get("from_logits") if isinstance(holder, dict) else getattr(holder, "from_logits", None)
        if isinstance(flag, bool):
            return flag
    return None


def _config(lens, optimizer):
    try:
        config = lens.optimizer_config(optimizer)
    except Exception:
        return {}
    return {key: _plain(item) for key, item in config.items() if _plain(item) is not None}


def _plain(value):
    """Return a scalar; None for what is none."""
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in list(value.items())[:50]}
    try:
        array = np.asarray(value.numpy() if hasattr(value, "numpy") else value)
        return array.item() if array.size == 1 and array.dtype.kind in "fiub" else None
    except Exception:
        return None


def learning_rate(lens):
    """Return the learning rate as it is now; None where it cannot be told."""
    optimizer = getattr(lens.model, "optimizer", None)
    for name in ("learning_rate", "lr"):
        rate = getattr(optimizer, name, None)
        if rate is not None:
            return lens.number_of(rate)
    return None


class Left:
    """The weights that `fit` left, as much of them as a comparison needs: at most 4096 values of each."""

    def __init__(self, lens):
        self.architecture = architecture(lens)
        listed = lens.variables()
        self.kinds = [kind for _, kind, _ in listed]
        self.digests = digests(lens)
        self.pairs = lens.moving_pairs()

    def compared(self, lens):
        """Return WEIGHTS of a model of the same architecture."""
        current = digests(lens)
        report = {"equal": current == self.digests}
        for kind in ("trainable", "moving", "other"):
            places = [place for place, each in enumerate(self.kinds) if each == kind]
            equal = sum(1 for place in places if place < len(current) and current[place] == self.digests[place])
            report[kind] = {"equal": equal, "of": len(places)}
        pairs = lens.moving_pairs()
        report["moving"]["initial"] = sum(
            int((mean == 0.0).all()) + int((variance == 1.0).all()) for mean, variance in pairs
        )
        return report


def digests(lens):
    """Return a short hash of at most 4096 values of each variable."""
    arrays = lens.subsamples([variable for _, _, variable in lens.variables()])
    return [hashlib.blake2b(array.tobytes(), digest_size=8).hexdigest() for array in arrays]
