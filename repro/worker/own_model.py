"""The user's own model: loads the copy of its file in the run's directory and checks what it returns.

This is the only place where a user's code runs, and only in the worker, after --trust.
"""

import importlib.util
import os
import sys
import traceback

import numpy as np

FILE = "model.py"
WRAPPED = ("layer", "forward_layer", "backward_layer")  # what wrappers of Keras 2 call the layers they hold


class OwnModelError(Exception):
    """The user's model cannot be used; the message is for the user."""


def build(request, model_class):
    """The model that the user's function returns for (input_shape, classes), an instance of `model_class`."""
    scenario = request["scenario"]
    height, width = scenario["images"]["size"]
    shape = (height, width, scenario["images"]["channels"])
    classes = scenario["model"]["classes"]
    name = scenario["model"].get("function", "build")
    path = os.path.join(request["directory"], FILE)
    with _as_own(path):
        function = getattr(_load(path), name, None)
    if not callable(function):
        raise OwnModelError("your file has no function called {}".format(name))
    with _as_own(path):
        model = function(shape, classes)
    if not isinstance(model, model_class):
        kind = type(model)
        raise OwnModelError(
            "{}() returned {} of {}, not a model of this Keras ({})".format(
                name, kind.__name__, kind.__module__.partition(".")[0], model_class.__module__.partition(".")[0]
            )
        )
    return model


def check_shapes(inputs, outputs, request):
    """Refuse a model whose input or output shape (without the batch) is not what the scenario asks for."""
    scenario = request["scenario"]
    wanted = tuple(scenario["images"]["size"]) + (scenario["images"]["channels"],)
    for what, found, needed in (("takes", inputs, wanted), ("gives", outputs, (scenario["model"]["classes"],))):
        fits = len(found) == len(needed) and all(a in (None, b) for a, b in zip(found, needed))
        if not fits:
            raise OwnModelError(
                "your model {} {} for each image, the scenario asks for {}".format(what, tuple(found), needed)
            )


def odd_images(shape):
    """(4, height, width, channels): black, dim noise, noise, white. Two sigmoids add up to 1 on a black one only."""
    noise = np.random.RandomState(0).uniform(0.0, 255.0, tuple(shape))  # a generator of its own
    brightness = (0.0, 0.02, 1.0)
    images = [noise * scale for scale in brightness] + [np.full(noise.shape, 255.0)]
    return np.stack(images).astype(np.float32)


def check_probabilities(rows):
    """Refuse outputs that are not probabilities, such as logits; `rows` is (images, classes)."""
    rows = np.asarray(rows, np.float64)
    if not np.all(np.isfinite(rows)) or np.any(rows < 0) or np.any(np.abs(rows.sum(1) - 1) > 1e-3):
        raise OwnModelError("your model's outputs are not probabilities: end it with softmax")


def nested_layers(model):
    """All layers of a model in order, those inside of other layers too, each once."""
    seen, found = set(), []

    def take(layer):
        if id(layer) in seen:
            return
        seen.add(id(layer))
        found.append(layer)
        if hasattr(layer, "layers"):
            inner = layer.layers
        elif hasattr(layer, "_flatten_layers"):
            inner = layer._flatten_layers(include_self=False)
        else:
            inner = [getattr(layer, name) for name in WRAPPED if hasattr(layer, name)]
        for one in inner:
            take(one)

    for layer in model.layers:
        take(layer)
    return found


def as_own(request):
    """A context in which any exception is said to come from the user's file."""
    return _as_own(os.path.join(request["directory"], FILE))


class _as_own:  # noqa: N801 (used like a function)
    """Turn whatever the user's code raises, an exit too, into an OwnModelError with its line."""

    def __init__(self, path):
        self.path = path

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if error is None or isinstance(error, (OwnModelError, MemoryError)):
            return
        traceback.print_exception(kind, error, trace)
        what = "{}: {}".format(kind.__name__, str(error)[:2000])
        raise OwnModelError("your model raised {}{}".format(self._line(error, trace), what)) from None

    def _line(self, error, trace):
        lines = [row[1] for row in traceback.extract_tb(trace) if row[0] == self.path]
        if isinstance(error, SyntaxError) and error.filename == self.path:
            lines = [error.lineno]
        return "in line {}, ".format(lines[-1]) if lines else ""


def _load(path):
    sys.dont_write_bytecode = True  # the run's directory holds nothing but what it lists
    spec = importlib.util.spec_from_file_location("own_model", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["own_model"] = module
    spec.loader.exec_module(module)
    return module
