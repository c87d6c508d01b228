"""How far every layer's output in one phase is from its output in the other."""

import numpy as np

from repro_recorder import limits

VALUES_A_LAYER = 16384  # of one batch
MOST_SCANNED = 4 * 1024 * 1024


class Capture:
    """What the layers gave in one pass of one batch: a part of each output, and figures of its units."""

    def __init__(self, like=None):
        self.order = []
        self.rows = None if like is None else like.rows  # of the batch that the part of an output is chosen for
        self.outputs = {}
        self.strides = {} if like is None else dict(like.strides)
        self.figures = like is None
        self.units = {}
        self.info = {}

    def __call__(self, layer, call, output):
        key = (id(layer), call)
        if key in self.outputs or output.ndim == 0 or output.dtype.kind not in "fiub":
            return
        rows = output.shape[0]
        table = output.reshape(rows, -1)
        stride = self.strides.setdefault(key, max(1, -(-table.size // VALUES_A_LAYER)))
        sampled = np.array(table[:, ::stride], np.float64)
        self.take(layer, call, tuple(output.shape[1:]), sampled, _unit_figures(output) if self.figures else None)

    def take(self, layer, call, shape, table, figures):
        """Take a part of an output, (rows, values), and its units' least, greatest and count of bad values."""
        key = (id(layer), call)
        self.order.append(key)
        self.outputs[key] = table
        if self.figures:
            self.info[key] = (layer, call, shape)
            self.units[key] = figures


def _unit_figures(output):
    """Return least and greatest value of each unit (last axis), and whether a value is not finite."""
    units = output.shape[-1] if output.ndim > 1 else 1
    table = output.reshape(-1, units)
    if table.size > MOST_SCANNED:
        table = table[:: -(-table.size // MOST_SCANNED)]
    least, greatest = table.min(0).astype(np.float64), table.max(0).astype(np.float64)
    return least, greatest, int((~np.isfinite(table)).sum()) if table.dtype.kind == "f" else 0


class Comparison:
    """Layers' outputs in inference and training phase over several batches, in batches and one sample at a time."""

    def __init__(self):
        self.order = []
        self.layers = {}

    def add(self, inference, training):
        """Take a batch in both phases."""
        for key in inference.order:
            entry = self._entry(key, inference)
            reference = inference.outputs[key]
            least, greatest, bad = inference.units[key]
            entry["least"] = least if entry["least"] is None else np.minimum(entry["least"], least)
            entry["greatest"] = greatest if entry["greatest"] is None else np.maximum(entry["greatest"], greatest)
            entry["not_finite"] += bad
            entry["sum"] += np.nansum(reference)
            entry["squares"] += np.nansum(reference**2)
            entry["count"] += reference.size
            if key in training.outputs and training.outputs[key].shape == reference.shape:
                entry["in_training"] = True
                _add_difference(entry, "distance", training.outputs[key], reference)

    def add_repeated(self, first, repeated):
        """Take a batch that passed twice in inference phase."""
        for key in first.order:
            if key in repeated.outputs and repeated.outputs[key].shape == first.outputs[key].shape:
                _add_difference(self.layers[key], "repeated", repeated.outputs[key], first.outputs[key])

    def add_alone(self, name, batch, alone, row):
        """Take a sample alone against the same one in its batch, in one phase; `name`: alone or inference_alone."""
        for key in batch.order:
            if key in alone.outputs and key in self.layers and len(batch.outputs[key]) > row:
                reference = batch.outputs[key][row]
                given = alone.outputs[key][0]
                if given.shape == reference.shape:
                    _add_difference(self.layers[key], name, given, reference)

    def _entry(self, key, capture):
        if key not in self.layers:
            layer, call, shape = capture.info[key]
            self.order.append(key)
            self.layers[key] = {
                "layer": layer,
                "call": call,
                "shape": shape,
                "least": None,
                "greatest": None,
                "not_finite": 0,
                "sum": 0.0,
                "squares": 0.0,
                "count": 0,
                "in_training": False,
                "sums": {},
            }
        return self.layers[key]

    def report(self):
        """Return (layers, {name: index of the first layer that parts}): `first`, `first_alone`, `first_repeated`."""
        layers = [self._layer(self.layers[key]) for key in self.order]
        firsts = {
            "first": _first_parted(layers, "distance"),
            "first_alone": _first_parted(layers, "inference_distance_alone"),
            "first_repeated": _first_parted(layers, "inference_distance_repeated"),
        }
        return layers, firsts

    def _layer(self, entry):
        mean = entry["sum"] / max(1, entry["count"])
        variance = entry["squares"] / max(1, entry["count"]) - mean**2
        scale = np.sqrt(max(variance, 0.0))
        if scale <= 1e-12 * abs(mean):
            scale = abs(mean)

        def distance(name):
            total, count = entry["sums"].get(name, (0.0, 0))
            if not count:
                return None
            root = float(np.sqrt(total / count))
            return root if root == 0.0 or scale == 0.0 else root / scale

        constant = entry["least"] == entry["greatest"]
        return {
            "name": entry["layer"].name,
            "class": type(entry["layer"]).__name__,
            "call": entry["call"],
            "shape": entry["shape"],
            "distance": distance("distance"),
            "alone_distance": distance("alone"),
            "inference_distance_alone": distance("inference_alone"),
            "inference_distance_repeated": distance("repeated"),
            "units": len(constant),
            "constant_units": int(constant.sum()),
            "zero_units": int((constant & (entry["least"] == 0.0)).sum()),
            "not_finite": entry["not_finite"],
            "minimum": float(entry["least"].min()) if len(constant) else None,
            "maximum": float(entry["greatest"].max()) if len(constant) else None,
            "in_training": entry["in_training"],
        }


def _first_parted(layers, name):
    """Return the index of the first layer of which a distance says that it parts; None where none does."""
    return next((place for place, layer in enumerate(layers) if (layer[name] or 0) > limits.PARTED), None)


def _add_difference(entry, name, given, reference):
    total, count = entry["sums"].get(name, (0.0, 0))
    entry["sums"][name] = (total + float(np.nansum((given - reference) ** 2)), count + reference.size)
