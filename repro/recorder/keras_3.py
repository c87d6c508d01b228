"""Keras 3 on TensorFlow: samples pass in a StatelessScope, in which no variable of Keras changes."""

import contextlib
import copy
import sys

import numpy as np

from repro_recorder import lens, tensorflow_2, values


class Keras3Lens(tensorflow_2.TF2Lens):
    """A model of Keras 3."""

    generation = "keras-3"

    def __init__(self, keras, tf, model):
        super().__init__(keras, tf, model)
        self.layer_class = keras.layers.Layer

    def backend(self):
        return self.keras.config.backend()

    def dtype_policy(self):
        return getattr(self.keras.config.dtype_policy(), "name", None)

    def layers(self):
        flat = self.model._flatten_layers(include_self=False, recursive=True)
        return [(getattr(layer, "path", None) or layer.name, layer) for layer in flat]

    def _tensor(self, variable):
        value = getattr(variable, "_value", None)
        return value.value() if value is not None and hasattr(value, "value") else variable.value

    def calls_in_graph(self, layer):
        depths = [nodes for model in self._functional_models() for nodes in _nodes_by_depth(model).values()]
        return max(1, sum(1 for nodes in depths for node in nodes if node.operation is layer))

    def _functional_models(self):
        models = [self.model] + [layer for _, layer in self.layers()]
        return [getattr(model, "_functional", None) or model for model in models if hasattr(model, "_layers")]

    def compiled_metrics(self):
        own = getattr(self.model, "_compile_metrics", None)
        return [item for _, item in values.leaves(getattr(own, "_user_metrics", None))]

    def number_of(self, value):
        return float(np.array(self._tensor(value))) if hasattr(value, "_value") else super().number_of(value)

    def takes_training(self):
        """Return whether the model's `call` takes a phase."""
        return bool(getattr(self.model, "_call_has_training_arg", True))

    def layer_takes_training(self, layer):
        """Return whether a layer's `call` takes a phase."""
        return bool(getattr(layer, "_call_has_training_arg", False))

    def holds_layers(self, layer):
        """Return whether a layer calls others, which get their own phase."""
        return bool(getattr(layer, "_layers", None))

    def is_sequence(self, x):
        return isinstance(x, self.keras.utils.PyDataset)

    def watched_sequence(self, sequence, look):
        return _watched_py_dataset(self.keras.utils.PyDataset, sequence, look)

    def iterations(self):
        optimizer = getattr(self.model, "optimizer", None)
        return None if optimizer is None else int(np.array(self._tensor(optimizer.iterations)))

    @contextlib.contextmanager
    def untouched(self):
        tracker = sys.modules["keras.src.backend.common.global_state"].GLOBAL_STATE_TRACKER
        saved = {key: _copied(each) for key, each in tracker.__dict__.items()}
        layers = [layer for _, layer in self.layers()]
        identities = [(layer, set(layer._loss_ids)) for layer in [self.model] + layers if hasattr(layer, "_loss_ids")]
        with lens.python_untouched(), self.tensorflow_untouched(), lens.attributes_untouched([self.model] + layers):
            try:
                yield
            finally:
                tracker.__dict__.clear()
                tracker.__dict__.update(saved)
                for layer, kept in identities:
                    layer._loss_ids.clear()
                    layer._loss_ids.update(kept)

    def begin_pass(self, training, statistics=None, batch_norm=None, stochastic=None, capture=None):
        return Keras3Pass(self, training, statistics, batch_norm, stochastic, capture)


def _nodes_by_depth(model):
    nodes = getattr(model, "_nodes_by_depth", None)
    return nodes if isinstance(nodes, dict) else {}


def _copied(value):
    return copy.copy(value) if isinstance(value, (dict, list, set)) else value


class Keras3Pass(tensorflow_2.EagerPass):
    """Batches through a model of Keras 3; metrics count in the pass's own scope."""

    def __init__(self, view, *options):
        super().__init__(view, *options)
        keras = view.keras
        regularised = [variable for variable in view.model.trainable_variables if variable.regularizer is not None]
        self.stateless = keras.StatelessScope(
            state_mapping=[(variable, view._tensor(variable)) for variable in regularised],
            collect_losses=True,
            initialize_variables=False,
        )
        self.initial = [
            (each.mean, each.variance, view._tensor(each.mean), view._tensor(each.variance)) for each in view.moving()
        ]
        with self.scope():
            for metric in getattr(view.model, "metrics", []):
                metric.reset_state()

    def scope(self):
        """Return the scope in which no variable changes."""
        return self.stateless

    def put_statistics(self):
        """Put the pass's moving statistics, or the model's own, in the scope."""
        for index, (mean, variance, own_mean, own_variance) in enumerate(self.initial):
            if self.statistics is not None:
                own_mean, own_variance = self.statistics[index]
            self._set(mean, own_mean)
            self._set(variance, own_variance)

    def _set(self, variable, value):
        tensor = self.view.tf.cast(self.view.tf.convert_to_tensor(value), variable.dtype)
        self.stateless.add_update((variable, self.view.tf.reshape(tensor, variable.shape)))

    def batch_norm_call(self, place, call, layer, arguments, options):
        """Call a layer with momentum 0 and statistics 0, so that those of the batch are left in the scope."""
        each = self.view.moving()[place]
        if each.renorm or not self._in_training(layer, options):
            return call(layer, *arguments, **options)
        kept = [(variable, self.stateless.get_current_value(variable)) for variable in (each.mean, each.variance)]
        momentum = layer.momentum
        try:
            for variable, value in kept:
                self.stateless.add_update((variable, self.view.tf.zeros_like(value)))
            layer.momentum = 0.0
            outputs = call(layer, *arguments, **options)
            left = [self.stateless.get_current_value(variable) for variable, _ in kept]
            self.batch_statistics[place].append(tuple(np.array(value, np.float32).reshape(-1) for value in left))
        finally:
            layer.momentum = momentum
            for variable, value in kept:
                self.stateless.add_update((variable, value))
        return outputs

    def _in_training(self, layer, options):
        phase = options.get("training")
        return bool(self.training if phase is None else phase) and bool(layer.trainable)

    def keep_for_score(self, x, y, weights, outputs, rows):
        """Keep a batch's outputs for the score; count it at once where layers have added losses of their own."""
        self.unscored.append((x, y, weights, outputs, rows))
        if self.stateless.losses:
            self._score()
            del self.stateless.losses[:]
            self.view.model._clear_losses()

    def _score(self):
        """Count loss and metrics of the batches that are not counted yet, joined."""
        batches, self.unscored = self.unscored, []
        model = self.view.model
        if not batches or not self.loss_known:
            return
        if not getattr(model, "compiled", False):
            self.loss_known = False
            return
        try:
            x, y, weights, outputs = (_joined(self.view.tf, [batch[place] for batch in batches]) for place in range(4))
            y, weights = (values.map_arrays(self.tensor, part) for part in (y, weights))
            loss_of = getattr(model, "_compute_loss", None) or model.compute_loss
            loss = loss_of(x=x, y=y, y_pred=outputs, sample_weight=weights, training=self.training)
            self.add_loss(np.array(loss, np.float64), sum(batch[4] for batch in batches))
            if y is not None:
                self.metrics = numbers(model.compute_metrics(x, y, outputs, weights))
        except Exception as error:
            self.loss_known, self.problem = False, error

    def result(self):
        with self.scope():
            self._score()
        return super().result()


def _joined(tf, structures):
    """Join structures of arrays or tensors along the first axis."""
    if len(structures) == 1 or structures[0] is None:
        return structures[0]
    first = structures[0]
    if isinstance(first, dict):
        return {key: _joined(tf, [structure[key] for structure in structures]) for key in first}
    if isinstance(first, (list, tuple)):
        return type(first)(_joined(tf, [structure[place] for structure in structures]) for place in range(len(first)))
    return np.concatenate(structures) if isinstance(first, np.ndarray) else tf.concat(structures, 0)


def numbers(metrics):
    """Return {name: float} of metric results that are single numbers, without the loss trackers."""
    flat = {}
    for name, value in metrics.items():
        array = np.array(value)
        if array.size == 1 and name != "loss":
            flat[name] = float(array.reshape(-1)[0])
    return flat


def _watched_py_dataset(base, inner, look):
    """Return a PyDataset that asks `inner` for everything, and shows each batch and its index to `look`."""

    class Watched(base):
        def __init__(self):
            pass  # the settings are those of `inner`

        def _warn_if_super_not_called(self):
            pass

        workers = property(lambda self: inner.workers)
        use_multiprocessing = property(lambda self: inner.use_multiprocessing)
        max_queue_size = property(lambda self: inner.max_queue_size)
        num_batches = property(lambda self: inner.num_batches)

        def __getitem__(self, index):
            batch = inner[index]
            look(batch, index)
            return batch

        def on_epoch_begin(self):
            return inner.on_epoch_begin()

        def on_epoch_end(self):
            return inner.on_epoch_end()

        def __getattr__(self, name):
            return getattr(inner, name)

    if hasattr(type(inner), "__len__"):
        Watched.__len__ = lambda self: len(inner)
    Watched.__name__ = Watched.__qualname__ = type(inner).__name__
    return Watched()
