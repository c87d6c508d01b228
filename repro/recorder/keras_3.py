"""Keras 3 on TensorFlow: samples pass in a StatelessScope, in which no variable of Keras changes."""

import contextlib
import copy
import sys
import types

import numpy as np

from repro_recorder import lens, tensorflow_2, untouched, values
from repro_recorder.tensorflow_2 import defining


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

    def figure_names(self):
        """Return the names in the order in which Keras lists the numbers; its `metrics_names` says compile_metrics."""
        try:
            logs = self.model.get_metrics_result()
        except Exception:  # a step of the program's own, whose metrics are not of this kind
            return []
        listed = []
        for metric in self.model.metrics:
            inner = metric.metrics if type(metric).__name__ == "CompileMetrics" else [metric]
            listed += [each.name for each in inner]
        return [name for name in listed if name in logs] + sorted(name for name in logs if name not in listed)

    def number_of(self, value):
        return float(np.array(self._tensor(value))) if hasattr(value, "_value") else super().number_of(value)

    def takes_training(self):
        """Return whether the model's `call` takes a phase."""
        return bool(getattr(self.model, "_call_has_training_arg", True))

    def layer_takes_training(self, layer):
        """Return whether a layer's `call` takes a phase."""
        return bool(getattr(layer, "_call_has_training_arg", False))

    def training_position(self, layer):
        """Return how many positional arguments come before the phase: all, since it is given by name."""
        return 1000

    def holds_layers(self, layer):
        """Return whether a layer calls others, which get their own phase."""
        return bool(getattr(layer, "_layers", None))

    def is_sequence(self, x):
        return isinstance(x, self.keras.utils.PyDataset)

    def is_generator(self, x):
        return isinstance(x, types.GeneratorType)

    def watched_sequence(self, sequence, look):
        return _watched_py_dataset(self.keras.utils.PyDataset, sequence, look)

    def iterations_of(self, optimizer):
        with self.tf.init_scope():
            return int(np.array(self._tensor(optimizer.iterations)))

    def update_methods(self):
        return defining([self.keras.optimizers.Optimizer], "apply")

    @contextlib.contextmanager
    def untouched(self, alone=True):
        tracker = sys.modules["keras.src.backend.common.global_state"].GLOBAL_STATE_TRACKER
        saved = {key: _copied(each) for key, each in tracker.__dict__.items()}
        layers = [layer for _, layer in self.layers()]
        parts = [self.model] + layers
        identities = [(layer, set(layer._loss_ids)) for layer in parts if hasattr(layer, "_loss_ids")]
        with untouched.python_untouched(alone), self.tensorflow_untouched(), untouched.attributes_untouched(parts):
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

    def added_losses(self):
        """Return whether layers have added losses in this batch."""
        return bool(self.stateless.losses)

    def clear_added_losses(self):
        """Forget the losses that layers have added."""
        del self.stateless.losses[:]
        self.view.model._clear_losses()

    def compiled(self):
        """Return whether the model has a loss."""
        return bool(getattr(self.view.model, "compiled", False))

    def loss_and_metrics(self, x, y, outputs, weights):
        """Return the loss of a batch, and the metrics over all batches so far."""
        model = self.view.model
        loss_of = getattr(model, "_compute_loss", None) or model.compute_loss
        loss = loss_of(x=x, y=y, y_pred=outputs, sample_weight=weights, training=self.training)
        return loss, {} if y is None else model.compute_metrics(x, y, outputs, weights)


def _watched_py_dataset(base, inner, look):
    """Return a PyDataset that asks `inner` for everything, and shows each batch and its index to `look`."""
    watched = lens.watched_sequence_class(base, inner, look)
    watched._warn_if_super_not_called = lambda self: None
    for name in ("workers", "use_multiprocessing", "max_queue_size", "num_batches"):
        setattr(watched, name, property(lambda self, name=name: getattr(inner, name)))
    return watched()
