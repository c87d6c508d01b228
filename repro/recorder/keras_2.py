"""Keras 2.0 to 2.3 on TensorFlow 1: nothing is added to the program's graph, samples pass in a copy of it."""

import contextlib
import sys

import numpy as np

from repro_recorder import graph_copy, lens, limits, untouched, values

MOST_BYTES = 32 * 1024 * 1024  # of variables that are read at once


class Keras2Lens(lens.Lens):
    """A model of Keras 2 on a static graph."""

    generation = "keras-2"
    update_rule = "difference"

    def __init__(self, keras, tf, model):
        # TensorFlow 1.13 to 1.15 warn of the old names, once each.
        super().__init__(keras, getattr(getattr(tf, "compat", None), "v1", tf), model)
        self.K = keras.backend
        self.engine = sys.modules["keras.backend.tensorflow_backend"]
        self.copy = None
        if not hasattr(self.engine, "_SESSION"):  # measured: samples in a copy of its graph moved later random numbers
            self.unready_reason = "Keras 2.3 on TensorFlow 1 cannot be measured without changing later random numbers"

    def backend(self):
        return self.K.backend()

    def graph(self):
        """Return the graph of the program's own that the model is in."""
        return self.model.outputs[0].graph

    def session(self):
        """Return the session that Keras uses; None before it has one. `K.get_session` would add to the graph."""
        return self.tf.get_default_session() or getattr(self.engine, "_SESSION", None)

    def built(self):
        if self.session() is None:
            return False
        if getattr(self.engine, "_MANUAL_VAR_INIT", False):
            return True
        return all(getattr(variable, "_keras_initialized", False) for variable in self.model.weights)

    def layers(self):
        listed = []
        for layer in self.model.layers:
            self._list(layer, "", listed)
        return listed

    def _list(self, layer, folder, listed):
        path = folder + layer.name
        if all(each is not layer for _, each in listed):
            listed.append((path, layer))
            inner = list(getattr(layer, "layers", None) or [])
            for name in ("layer", "forward_layer", "backward_layer"):
                if getattr(layer, name, None) is not None:
                    inner.append(getattr(layer, name))
            for each in inner:
                self._list(each, path + "/", listed)

    def read(self, variables):
        return self.session().run(list(variables)) if variables else []

    def subsamples(self, variables):
        samples = []
        for group in in_groups(variables):
            samples += [lens.strided(array.reshape(-1), limits.SUBSAMPLE) for array in self.read(group)]
        return samples

    def arrays(self, variables):
        for group in in_groups(variables):
            for array in self.read(group):
                yield array

    def early_pairs(self):
        if self.session() is None:
            return {}
        ready = [each for each in self.moving() if self._known(each.mean) and self._known(each.variance)]
        flat = self.read([variable for each in ready for variable in (each.mean, each.variance)])
        return {id(each.layer): pair for each, pair in zip(ready, zip(flat[::2], flat[1::2]))}

    def calls_in_graph(self, layer):
        if not hasattr(layer, "moving_mean"):
            return max(1, sum(1 for node in self.nodes() if node.outbound_layer is layer))
        return max(1, len(graph_copy.updates_of(self.model, layer, layer.moving_mean)))

    def is_debiased(self, layer):
        updates = graph_copy.updates_of(self.model, layer, layer.moving_mean)
        return any(graph_copy.is_debiased(update) for update in updates)

    def tf_variables(self):
        """Return all variables that the model's outputs and loss may read, each once."""
        listed = []
        for variable in self.model.weights:
            if all(variable is not each for each in listed):
                listed.append(variable)
        return listed

    def nodes(self):
        """Return the model's calls of layers, from the inputs on."""
        by_depth = getattr(self.model, "nodes_by_depth", None) or getattr(self.model, "_nodes_by_depth", {})
        return [node for depth in sorted(by_depth, reverse=True) for node in by_depth[depth]]

    def compiled_metrics(self):
        return [item for _, item in values.leaves(getattr(self.model, "metrics", None))]

    def optimizer_config(self, optimizer):
        return {name: value for name, value in vars(optimizer).items() if not name.startswith("_")}

    def number_of(self, value):
        if isinstance(value, self.tf.Variable):
            return float(self.read([value])[0]) if self.built() and self._known(value) else None
        return super().number_of(value)

    def _known(self, variable):
        return getattr(variable, "_keras_initialized", False) or getattr(self.engine, "_MANUAL_VAR_INIT", False)

    def is_sequence(self, x):
        kind = getattr(self.keras.utils, "Sequence", None)
        return kind is not None and isinstance(x, kind)

    def watched_sequence(self, sequence, look):
        return lens.watched_sequence_class(self.keras.utils.Sequence, sequence, look)()

    @contextlib.contextmanager
    def untouched(self, alone=True):
        with untouched.python_untouched(alone), silent_deprecations():
            self.copy = graph_copy.GraphCopy(self)
            try:
                yield
            finally:
                self.copy.close()
                self.copy = None

    def begin_pass(self, training, statistics=None, batch_norm=None, stochastic=None, capture=None):
        return GraphPass(self, training, statistics, batch_norm, stochastic, capture)


@contextlib.contextmanager
def silent_deprecations():
    """Keep TensorFlow from saying what will be removed from it of what the recorder calls."""
    module = sys.modules.get("tensorflow.python.util.deprecation")
    before = getattr(module, "_PRINT_DEPRECATION_WARNINGS", None)
    if before is None:
        yield
        return
    module._PRINT_DEPRECATION_WARNINGS = False
    try:
        yield
    finally:
        module._PRINT_DEPRECATION_WARNINGS = before


def in_groups(variables):
    """Return lists of variables in order, each of at most 32 MiB or of one variable."""
    groups, size = [[]], 0
    for variable in variables:
        bytes_of = int(np.prod([int(side) for side in variable.shape], dtype=np.int64)) * variable.dtype.size
        if groups[-1] and size + bytes_of > MOST_BYTES:
            groups.append([])
            size = 0
        groups[-1].append(variable)
        size += bytes_of
    return [group for group in groups if group]


class GraphPass(lens.Pass):
    """Batches through the copy of the graph."""

    def __init__(self, view, training, statistics, batch_norm, stochastic, capture):
        super().__init__()
        self.view = view
        self.statistics = statistics
        self.batch_norm = training if batch_norm is None else batch_norm
        self.stochastic = training if stochastic is None else stochastic
        self.capture = capture
        self.sums = {}
        self.metric_rows = 0

    def batch(self, x, y, weights):
        copy = self.view.copy
        rows = len(values.leaves(x)[0][1])
        feed = dict(copy.phase_feed(self.batch_norm, self.stochastic))
        if self.statistics is not None:
            feed.update(copy.statistics_feed(self.statistics))
        fetches = {"outputs": copy.outputs, "statistics": copy.statistics}
        scored = self._feed_data(feed, x, y, weights) and self.scored
        if scored:
            fetches.update(loss=copy.loss, metrics=copy.metrics)
        if self.capture is not None:
            fetches["layers"] = [entry["tensors"] for entry in copy.captured()]
            self.capture.rows = self.capture.rows or rows
            feed[copy.rows_like] = self.capture.rows
        results = copy.session.run(fetches, feed_dict=feed)
        self.batch_statistics = [
            [tuple(np.asarray(part, np.float32).reshape(-1) for part in pair) for pair in calls]
            for calls in results["statistics"]
        ]
        if scored:
            self.add_loss(results["loss"], rows)
            self.metric_rows += rows
            for name, value in zip(copy.metric_names, results["metrics"]):
                self.sums[name] = self.sums.get(name, 0.0) + float(np.mean(value)) * rows
        elif self.scored:
            self.loss_known = False
        if self.capture is not None:
            for entry, (shape, table, least, greatest, bad) in zip(copy.captured(), results["layers"]):
                self.capture.take(
                    entry["layer"],
                    entry["call"],
                    tuple(shape[1:]),
                    table.astype(np.float64),
                    (least.astype(np.float64), greatest.astype(np.float64), int(bad)),
                )
        return [np.asarray(output) for output in results["outputs"]]

    def _feed_data(self, feed, x, y, weights):
        """Put a batch into the feed; return whether loss and metrics can be had."""
        model, copy = self.view.model, self.view.copy
        if y is not None and copy.loss is not None:
            try:
                x, y, weights = model._standardize_user_data(x, y, sample_weight=weights)[:3]
                for tensor, array in zip(copy.inputs + copy.targets + copy.weights, x + y + weights):
                    feed[tensor] = array
                return True
            except Exception as error:
                self.problem = error
        if isinstance(x, dict):
            x = [x[name] for name in model.input_names]
        for tensor, (_, array) in zip(copy.inputs, values.leaves(x)):
            feed[tensor] = array
        return False

    def result(self):
        self.metrics = {name: total / self.metric_rows for name, total in self.sums.items()}
        return super().result()
