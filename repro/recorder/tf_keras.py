"""tf.keras on TensorFlow 2, as `tf_keras`, `tensorflow.keras` or Keras 2.4 to 2.15: variables are put back."""

import contextlib
import importlib
import random
import sys

import numpy as np

from repro_recorder import lens, tensorflow_2, untouched, values

OWN_SEED = 20171107


def lens_of(module, model):
    """Return the lens of a model whose class is defined in `module`."""
    for name in ("tf_keras", "tensorflow.python.keras", "keras"):
        if module.startswith(name):
            keras = sys.modules["tensorflow.keras" if name.startswith("tensorflow") else name]
            return TFKerasLens(keras, sys.modules["tensorflow"], model)
    raise TypeError("a model of {}".format(module))


class TFKerasLens(tensorflow_2.TF2Lens):
    """A model of tf.keras."""

    generation = "tf-keras"
    update_rule = "difference"

    def __init__(self, keras, tf, model):
        super().__init__(keras, tf, model)
        self.layer_class = next(
            kind for kind in keras.layers.Dense.__mro__ if kind.__name__ == "Layer" and "__call__" in kind.__dict__
        )

    def keras_version(self):
        return getattr(self.keras, "__version__", None) or self.tf.__version__

    def dtype_policy(self):
        policy = getattr(self.keras.mixed_precision, "global_policy", None)
        return None if policy is None else getattr(policy(), "name", None)

    def layers(self):
        return [(layer.name, layer) for layer in self.model._flatten_layers(include_self=False, recursive=True)]

    def _tensor(self, variable):
        return variable.read_value()

    def weights(self):
        return readable(self.model.weights)

    def calls_in_graph(self, layer):
        models = [self.model] + [each for _, each in self.layers()]
        depths = [nodes for model in models for nodes in (getattr(model, "_nodes_by_depth", None) or {}).values()]
        return max(1, sum(1 for nodes in depths for node in nodes if node.layer is layer))

    def compiled_loss(self):
        return getattr(getattr(self.model, "compiled_loss", None), "_user_losses", None) or self.model.loss

    def compiled_metrics(self):
        given = getattr(getattr(self.model, "compiled_metrics", None), "_user_metrics", None)
        return [item for _, item in values.leaves(given)]

    def takes_training(self):
        """Return whether the model's `call` takes a phase."""
        return bool(getattr(self.model, "_expects_training_arg", True))

    def layer_takes_training(self, layer):
        """Return whether a layer's `call` takes a phase."""
        return bool(getattr(layer, "_expects_training_arg", False))

    def training_position(self, layer):
        """Return how many positional arguments come before the phase."""
        names = getattr(getattr(layer, "_call_spec", None), "arg_names", None) or getattr(layer, "_call_fn_args", [])
        return list(names).index("training") if "training" in names else 1000

    def holds_layers(self, layer):
        """Return whether a layer calls others, which get their own phase."""
        return any(True for _ in layer._flatten_layers(include_self=False, recursive=False))

    def iterations_of(self, optimizer):
        with self.tf.init_scope():
            return int(optimizer.iterations.read_value())

    def update_methods(self):
        kinds = [getattr(self.keras.optimizers, "Optimizer", None)]
        kinds.append(getattr(getattr(self.keras.optimizers, "legacy", None), "Optimizer", None))
        return tensorflow_2.defining([kind for kind in kinds if kind is not None], "apply_gradients")

    def _sequence_class(self):
        """Return the class of sequences; the package keras of 2.6 to 2.12 has it in a module only."""
        public = getattr(self.keras.utils, "Sequence", None)
        if public is not None:
            return public
        return importlib.import_module(self.keras.__name__ + ".utils.data_utils").Sequence

    def is_sequence(self, x):
        return isinstance(x, self._sequence_class())

    def watched_sequence(self, sequence, look):
        return lens.watched_sequence_class(self._sequence_class(), sequence, look)()

    @contextlib.contextmanager
    def untouched(self, alone=True):
        backend = _backend(self.layer_class)
        layers = [self.model] + [layer for _, layer in self.layers()]
        names = {graph: dict(counts) for graph, counts in list(backend.PER_GRAPH_OBJECT_NAME_UIDS.items())}
        losses = [(layer, list(layer._eager_losses)) for layer in layers if hasattr(layer, "_eager_losses")]
        variables = readable(self.model.variables)
        variables += [variable for metric in self._metrics() for variable in metric.variables]
        saved = [(variable, variable.read_value()) for variable in variables]
        own = getattr(backend, "_SEED_GENERATOR", None)
        generator = getattr(own, "generator", None)
        with untouched.python_untouched(alone), self.tensorflow_untouched(), untouched.attributes_untouched(layers):
            try:
                if own is not None:
                    own.generator = random.Random(OWN_SEED)
                yield
            finally:
                if own is not None:
                    own.generator = generator
                for variable, value in saved:
                    _put_back(variable, value)
                for layer, kept in losses:
                    layer._eager_losses = kept
                for graph, counts in names.items():
                    current = backend.PER_GRAPH_OBJECT_NAME_UIDS.get(graph)
                    if current is not None:
                        current.clear()
                        current.update(counts)

    def _metrics(self):
        try:
            return list(self.model.metrics)
        except Exception:
            return []

    def begin_pass(self, training, statistics=None, batch_norm=None, stochastic=None, capture=None):
        return TFKerasPass(self, training, statistics, batch_norm, stochastic, capture)


def readable(variables):
    """Return the variables among them; a lookup layer lists its table, which training does not change."""
    return [variable for variable in variables if hasattr(variable, "read_value")]


def _backend(layer_class):
    """Return the module that holds Keras's name counters."""
    package = layer_class.__module__.split(".engine.")[0]
    return sys.modules[package + ".backend"]


def _put_back(variable, value):
    """Assign a value, if the variable has another one by now."""
    now, before = (tensorflow_2.to_array(tensor) for tensor in (variable.read_value(), value))
    if now.tobytes() != before.tobytes():
        variable.assign(value)


class TFKerasPass(tensorflow_2.EagerPass):
    """Batches through a model of tf.keras. What it writes is put back by `untouched`."""

    def __init__(self, view, *options):
        super().__init__(view, *options)
        self.initial = [
            (each.mean, each.variance, each.mean.read_value(), each.variance.read_value()) for each in view.moving()
        ]

    @contextlib.contextmanager
    def scope(self):
        """Put the moving statistics back after each batch."""
        try:
            yield
        finally:
            for mean, variance, own_mean, own_variance in self.initial:
                mean.assign(own_mean)
                variance.assign(own_variance)

    def put_statistics(self):
        """Assign the pass's moving statistics."""
        if self.statistics is not None:
            for (mean, variance, _, _), pair in zip(self.initial, self.statistics):
                mean.assign(np.reshape(pair[0], mean.shape))
                variance.assign(np.reshape(pair[1], variance.shape))

    def batch_norm_call(self, place, call, layer, arguments, options):
        """Call a layer with momentum 0 and statistics 0, so that those of the batch are left in its variables."""
        each = self.view.moving()[place]
        if each.renorm or not self._in_training(layer, arguments, options):
            return call(layer, *arguments, **options)
        variables = (each.mean, each.variance)
        kept = [variable.read_value() for variable in variables]
        momentum = layer.momentum
        try:
            for variable in variables:
                variable.assign(np.zeros(variable.shape, variable.dtype.as_numpy_dtype))
            layer.momentum = 0.0
            outputs = call(layer, *arguments, **options)
            left = [np.array(variable.read_value(), np.float32).reshape(-1) for variable in variables]
            self.batch_statistics[place].append(tuple(left))
        finally:
            layer.momentum = momentum
            for variable, value in zip(variables, kept):
                variable.assign(value)
        return outputs

    def _in_training(self, layer, arguments, options):
        position = self.view.training_position(layer)
        phase = arguments[position] if len(arguments) > position else options.get("training")
        return bool(self.training if phase is None else phase) and bool(layer.trainable)

    def added_losses(self):
        """Return whether layers have added losses in this batch."""
        model = self.view.model
        return any(getattr(layer, "_eager_losses", None) for layer in model._flatten_layers())

    def clear_added_losses(self):
        """Forget the losses that layers have added."""
        self.view.model._clear_losses()

    def compiled(self):
        """Return whether the model has a loss."""
        return bool(getattr(self.view.model, "_is_compiled", False))

    def loss_and_metrics(self, x, y, outputs, weights):
        """Return the loss of a batch, and the metrics over all batches so far."""
        model = self.view.model
        if not self.rows:
            for metric in self.view._metrics():
                metric.reset_state()
        if not self.view.compiled_loss() and not model.losses:  # for which Keras works out NaN
            raise ValueError("no loss was given to compile")
        if hasattr(model, "compute_loss"):
            loss = model.compute_loss(x, y, outputs, weights)
        else:
            loss = model.compiled_loss(y, outputs, weights, regularization_losses=model.losses)
        if y is None:
            return loss, {}
        if hasattr(model, "compute_metrics"):
            return loss, model.compute_metrics(x, y, outputs, weights)
        model.compiled_metrics.update_state(y, outputs, weights)
        return loss, {metric.name: metric.result() for metric in model.metrics}
