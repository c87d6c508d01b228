"""What the recorder asks of a Keras generation: read a model, and pass samples through it without a trace."""

import re

import numpy as np

from repro_recorder import limits, values

STOCHASTIC_CLASS = re.compile("Dropout|Noise|^Random|Augment|DropPath|StochasticDepth|MixUp|CutMix")


class Moving:
    """A layer with moving statistics, wherever it is nested."""

    def __init__(self, layer, path):
        self.layer = layer
        self.name = layer.name
        self.path = path
        self.mean, self.variance = layer.moving_mean, layer.moving_variance
        self.channels = int(np.prod([int(side) for side in self.mean.shape] or [1]))

    @property
    def momentum(self):
        """The layer's momentum; 0.99, Keras's default, where it has none."""
        return float(getattr(self.layer, "momentum", 0.99))

    @property
    def epsilon(self):
        """What the layer adds to a variance."""
        return float(getattr(self.layer, "epsilon", 1e-3))

    @property
    def renorm(self):
        """Whether training, too, normalises with the moving statistics."""
        return bool(getattr(self.layer, "renorm", False))


class Lens:
    """One model, seen through its Keras generation. Subclasses say how each thing is done there."""

    unready_reason = "the model was never called as a whole, only its parts"

    generation = None
    update_rule = "weighted"

    def __init__(self, keras, tf, model):
        self.keras = keras
        self.tf = tf
        self.model = model
        self._moving = None

    @property
    def tensorflow_version(self):
        """TensorFlow's version as numbers."""
        return tuple(int(part) for part in self.tf.__version__.split(".")[:2])

    def versions(self):
        """Return names and versions of the framework's parts."""
        return {"keras": self.keras_version(), "tensorflow": self.tf.__version__, "backend": self.backend()}

    def keras_version(self):
        """Return Keras's version."""
        return getattr(self.keras, "__version__", "unknown")

    def backend(self):
        """Return the backend's name."""
        return "tensorflow"

    def dtype_policy(self):
        """Return the name of the global dtype policy; None where there is none."""
        return

    # The model's parts.

    def layers(self):
        """Return (path, layer) of all layers in all nested models and wrappers, without the model itself."""
        raise NotImplementedError

    def moving(self):
        """Return the layers with moving statistics, as `Moving`; none before the model is built."""
        if self._moving is None:
            moving = []
            for path, layer in self.layers():
                if hasattr(layer, "moving_mean") and hasattr(layer, "moving_variance"):
                    moving.append(Moving(layer, path))
            if not self.built():
                return moving
            self._moving = moving
        return self._moving

    def built(self):
        """Return whether the model has its weights."""
        return bool(getattr(self.model, "built", True))

    def calls_in_graph(self, layer):
        """Return how often the model calls a layer in one pass, as far as its graph tells; else 1."""
        return 1

    def is_debiased(self, layer):
        """Return whether the layer's moving statistics are divided so that nothing of the initial values is left."""
        return False

    def model_kind(self):
        """Return sequential, functional or subclassed."""
        model = self.model
        if isinstance(model, self.keras.models.Sequential):
            return "sequential"
        plain = type(model) is self.keras.models.Model or type(model).__name__ == "Functional"
        return "functional" if plain or (self.is_graph() and not self.is_custom("call")) else "subclassed"

    def is_graph(self):
        """Return whether the model was built from symbolic inputs and outputs."""
        try:
            return bool(self.model.inputs) and bool(self.model.outputs)
        except Exception:
            return False

    def is_custom(self, method):
        """Return whether a class of the program's own defines a method of the model."""
        for kind in type(self.model).__mro__:
            if method in kind.__dict__:
                return not kind.__module__.startswith(("keras", "tf_keras", "tensorflow"))
        return False

    def input_shapes(self):
        """Return the shapes of the model's inputs, None for an open side; an empty list where there are none yet."""
        try:
            return [values.sides(tensor.shape) for tensor in self.model.inputs]
        except Exception:
            return []

    def output_layers(self):
        """Return (layer, shape) of each output; of a subclassed model the last layer, which need not be its output."""
        try:
            outputs = list(self.model.outputs)
        except Exception:
            outputs = []
        described = []
        for tensor in outputs:
            history = getattr(tensor, "_keras_history", None)
            layer = getattr(history, "operation", None) or (history[0] if history else None)
            if layer is not None:
                described.append((self.innermost(layer), values.sides(tensor.shape)))
        layers = self.layers()
        return described or ([(layers[-1][1], None)] if layers else [])

    def innermost(self, layer):
        """Return the layer itself, or the output layer of a nested model."""
        inner = getattr(layer, "outputs", None)
        history = getattr(inner[0], "_keras_history", None) if inner else None
        return layer if not history else getattr(history, "operation", None) or history[0]

    def compiled_loss(self):
        """Return the loss as it was given to `compile`."""
        return getattr(self.model, "loss", None)

    def compiled_metrics(self):
        """Return the metrics as they were given to `compile`."""
        return []

    def figure_names(self):
        """Return the names of the numbers that `evaluate` returns."""
        return list(self.model.metrics_names)

    def without_model(self):
        """Return a lens for questions about the framework alone, which keeps no model."""
        return type(self)(self.keras, self.tf, None)

    def number_of(self, value):
        """Return a Python number of a variable, a schedule or a number; None where it is none."""
        try:
            return float(np.asarray(value.numpy() if hasattr(value, "numpy") else value))
        except Exception:
            return None

    def stochastic_layers(self):
        """Return the layers that draw numbers in training phase: dropout, noise, augmentation."""
        return [layer for _, layer in self.layers() if STOCHASTIC_CLASS.search(type(layer).__name__)]

    def weights(self):
        """Return the variables of the model, in Keras's order."""
        return list(self.model.weights)

    def variables(self):
        """Return (name, kind, variable) of all weights in Keras's order; kind: trainable, moving or other."""
        trainable = {id(variable) for variable in self.model.trainable_weights}
        moving = {id(variable) for each in self.moving() for variable in (each.mean, each.variance)}
        return [
            (
                getattr(variable, "path", None) or variable.name,
                "trainable" if id(variable) in trainable else "moving" if id(variable) in moving else "other",
                variable,
            )
            for variable in self.weights()
        ]

    def read(self, variables):
        """Return the variables' values as numpy arrays that nothing else writes to."""
        raise NotImplementedError

    def subsamples(self, variables):
        """Return at most 4096 values of each variable, as float arrays."""
        return [strided(array.reshape(-1), limits.SUBSAMPLE) for array in self.read(variables)]

    def arrays(self, variables):
        """Yield the variables' values in turn."""
        for variable in variables:
            yield self.read([variable])[0]

    def initial_pairs(self):
        """Return the moving statistics that the layers begin with; None where that cannot be told."""
        pairs = []
        for each in self.moving():
            kinds = [
                type(getattr(each.layer, name, None)).__name__
                for name in ("moving_mean_initializer", "moving_variance_initializer")
            ]
            if kinds != ["Zeros", "Ones"]:
                return None
            pairs.append((np.zeros(each.channels, np.float32), np.ones(each.channels, np.float32)))
        return pairs

    def early_pairs(self):
        """Return, by id of the layer, the moving statistics that are there before the model is built."""
        return {}

    def optimizer_config(self, optimizer):
        """Return the optimizer's settings."""
        return optimizer.get_config()

    def moving_pairs(self):
        """Return (mean, variance) of each layer with moving statistics, float32 (channels,)."""
        moving = self.moving()
        arrays = self.read([variable for each in moving for variable in (each.mean, each.variance)])
        flat = [np.asarray(array, np.float32).reshape(-1) for array in arrays]
        return list(zip(flat[::2], flat[1::2]))

    def iterations(self):
        """Return how many steps the optimizer has made; None where it does not say."""
        return

    # Data.

    def is_sequence(self, x):
        """Return whether `x` is this Keras's Sequence or PyDataset."""
        return False

    def is_generator(self, x):
        """Return whether this Keras takes `x` as something that gives batches one after the other."""
        return hasattr(x, "__next__")

    def is_dataset(self, x):
        """Return whether `x` is a tf.data pipeline."""
        return False

    def watched_sequence(self, sequence, look):
        """Return an object that delegates to the sequence and shows each batch with its index to `look`."""
        raise NotImplementedError

    def watched_dataset(self, dataset, look):
        """Return the pipeline with a last stage that shows each element to `look`."""
        raise NotImplementedError

    # Passing samples through.

    def untouched(self, alone=True):
        """Return a context in which samples may pass; after it everything is as it was before.

        `alone`: no other thread draws from Python's and numpy's generators meanwhile.
        """
        raise NotImplementedError

    def begin_pass(self, training, statistics=None, batch_norm=None, stochastic=None, capture=None):
        """Return a `Pass`; only in `untouched`.

        `training`: the phase. `statistics`: (mean, variance) pairs to be used as moving statistics. `batch_norm`,
        `stochastic`: the phase of BatchNormalization layers, and of all others, where it is not `training`.
        `capture`: a function of (layer, call, output as array) for each call of a layer, in order.
        """
        raise NotImplementedError


class Pass:
    """One pass of samples through the model, batch by batch."""

    def __init__(self):
        self.losses, self.rows = 0.0, 0
        self.loss_known = True
        self.problem = None
        self.scored = True  # whether loss and metrics are wanted
        self.capture = None
        self.metrics = {}
        self.batch_statistics = []  # of the last batch: for each layer a list of (mean, variance), one for each call

    def batch(self, x, y, weights):
        """Pass a batch through; return the outputs as a list of arrays, (rows, ...) each."""
        raise NotImplementedError

    def repeat(self, x, capture):
        """Pass the same inputs once more, without a score: layers that draw numbers draw others."""
        kept = self.scored, self.capture
        self.scored, self.capture = False, capture
        try:
            self.batch(x, None, None)
            self.clear_added_losses()
        finally:
            self.scored, self.capture = kept

    def clear_added_losses(self):
        """Forget the losses that layers have added in a batch; nothing to do in a static graph."""

    def add_loss(self, loss, rows):
        """Count a batch's loss."""
        if loss is None:
            self.loss_known = False
            return
        self.losses += float(loss) * rows
        self.rows += rows

    def result(self):
        """Return (loss or None, {metric: number}) over the batches."""
        loss = self.losses / self.rows if self.loss_known and self.rows and self.scored else None
        return loss, self.metrics


def watched_sequence_class(base, inner, look):
    """Return a subclass of a Sequence class that asks `inner` for everything, and shows each batch to `look`."""

    class Watched(base):
        def __init__(self):
            pass  # the settings are those of `inner`

        def __getitem__(self, index):
            batch = inner[index]
            look(batch, index)
            return batch

        def __getattr__(self, name):
            return getattr(inner, name)

    for name in ("on_epoch_begin", "on_epoch_end"):
        if hasattr(inner, name):
            setattr(Watched, name, _passed_on(inner, name))
    if hasattr(type(inner), "__len__"):
        Watched.__len__ = lambda self: len(inner)
    Watched.__name__ = Watched.__qualname__ = type(inner).__name__
    return Watched


def _passed_on(inner, name):
    return lambda self: getattr(inner, name)()


def strided(flat, most):
    """Return at most `most` values of a flat array, evenly spread, as a copy."""
    return np.array(flat[:: max(1, -(-len(flat) // most))])
