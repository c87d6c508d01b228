"""What Keras 3 on TensorFlow and tf.keras on TensorFlow 2 have in common."""

import contextlib
import random
import sys
import threading

import numpy as np

from repro_recorder import lens, limits, values

OWN_SEED = 4715752600  # of the eager context while samples pass: no operation of the program's has it


class TF2Lens(lens.Lens):
    """Eager passes on TensorFlow 2."""

    layer_class = None  # whose __call__ every layer's call goes through

    def read(self, variables):
        return [np.array(_raw(self._tensor(variable))) for variable in variables]

    def subsamples(self, variables):
        return [lens.strided(_raw(self._tensor(variable)).reshape(-1), limits.SUBSAMPLE) for variable in variables]

    def _tensor(self, variable):
        """Return the variable's value as an eager tensor."""
        return variable.value()

    def is_dataset(self, x):
        data = getattr(self.tf, "data", None)
        return data is not None and isinstance(x, data.Dataset)

    def watched_dataset(self, dataset, look):
        tf = self.tf
        specification = dataset.element_spec
        leaves = tf.nest.flatten(specification, expand_composites=True)
        if any(not isinstance(leaf, tf.TensorSpec) or leaf.dtype in (tf.variant, tf.resource) for leaf in leaves):
            raise TypeError("elements of this pipeline cannot be looked at")
        if any(not isinstance(leaf, tf.TensorSpec) for leaf in tf.nest.flatten(specification)):
            raise TypeError("ragged and sparse elements are not looked at")

        def shown(*arrays):
            look(tf.nest.pack_sequence_as(specification, list(arrays)))
            return np.bool_(True)

        def passing(*elements):
            element = elements if isinstance(specification, tuple) else elements[0]
            flat = tf.nest.flatten(element)
            with tf.control_dependencies([tf.numpy_function(shown, flat, tf.bool)]):
                flat = [tf.identity(tensor) for tensor in flat]
            for tensor, leaf in zip(flat, leaves):
                tensor.set_shape(leaf.shape)
            return tf.nest.pack_sequence_as(specification, flat)

        with self.generators_untouched():
            return dataset.map(passing)

    @contextlib.contextmanager
    def generators_untouched(self):
        """Put back the eager context's seed and generator, and Python's and numpy's."""
        context = sys.modules["tensorflow.python.eager.context"].context()
        # A program that sets no seed has no generator here.
        saved = {name: getattr(context, name) for name in ("_seed", "_rng") if hasattr(context, name)}
        python, numpy_state = random.getstate(), np.random.get_state()
        # The kernels of stateful random operations are cached by seed; a seed of our own leaves the program's alone.
        context._seed, context._rng = OWN_SEED % 2**31, random.Random(OWN_SEED)
        try:
            yield
        finally:
            del context._seed, context._rng
            for name, value in saved.items():
                setattr(context, name, value)
            random.setstate(python)
            np.random.set_state(numpy_state)

    @contextlib.contextmanager
    def tensorflow_untouched(self):
        """Put back what TensorFlow holds outside of Keras; run the program's own tf.functions as plain Python."""
        function = sys.modules.get("tensorflow.python.eager.polymorphic_function.eager_function_run")
        function = function or sys.modules.get("tensorflow.python.eager.def_function")
        name = "RUN_FUNCTIONS_EAGERLY"
        eagerly = getattr(function, name, None) if self.has_own_code() else None
        loose = [(variable, variable.value()) for variable in self.loose_variables()]
        try:
            if eagerly is not None:
                setattr(function, name, True)
            with self.generators_untouched():
                yield
        finally:
            if eagerly is not None:
                setattr(function, name, eagerly)
            for variable, value in loose:
                variable.assign(value)

    def has_own_code(self):
        """Return whether a class of the program's own is among the model and its layers."""
        parts = [self.model] + [layer for _, layer in self.layers()]
        return any(not type(part).__module__.startswith(("keras.", "tf_keras.", "tensorflow.")) for part in parts)

    def loose_variables(self):
        """Return TensorFlow's own variables that hang on layers, and its global generator's state."""
        kind = self.tf.Variable
        loose, seen = [], set()
        for item in [self.model] + [layer for _, layer in self.layers()]:
            for value in list(getattr(item, "__dict__", {}).values()):
                state = getattr(value, "state", None) if type(value).__name__ == "Generator" else value
                if isinstance(state, kind) and id(state) not in seen:
                    seen.add(id(state))
                    loose.append(state)
        module = sys.modules.get("tensorflow.python.ops.stateful_random_ops")
        generator = getattr(module, "global_generator", None)
        if generator is not None and isinstance(getattr(generator, "state", None), kind):
            loose.append(generator.state)
        return loose

    @contextlib.contextmanager
    def calls_seen(self, seen):
        """Send this thread's calls of layers through `seen(call, layer, arguments, options)`."""
        kind = self.layer_class
        original = kind.__dict__["__call__"]
        owner = threading.get_ident()

        def called(layer, *arguments, **options):
            if threading.get_ident() != owner:
                return original(layer, *arguments, **options)
            return seen(original, layer, arguments, options)

        kind.__call__ = called
        try:
            yield
        finally:
            kind.__call__ = original


def defining(classes, method):
    """Return (class, method) of the class that each of `classes` has a method from."""
    pairs = []
    for kind in classes:
        owner = next((each for each in kind.__mro__ if method in each.__dict__), None)
        if owner is not None and (owner, method) not in pairs:
            pairs.append((owner, method))
    return pairs


class EagerPass(lens.Pass):
    """Batches through the model by plain calls. Subclasses say how moving statistics are set and read."""

    def __init__(self, view, training, statistics, batch_norm, stochastic, capture):
        super().__init__()
        self.view = view
        self.training = training
        self.statistics = statistics
        self.batch_norm = training if batch_norm is None else batch_norm
        self.stochastic = training if stochastic is None else stochastic
        self.forced = batch_norm is not None or stochastic is not None
        self.capture = capture
        self.places = {id(each.layer): index for index, each in enumerate(view.moving())}
        self.calls = {}
        self.unscored = []

    def batch(self, x, y, weights):
        self.calls = {}
        self.batch_statistics = [[] for _ in self.places]
        rows = len(values.leaves(x)[0][1])
        with self.scope():
            self.put_statistics()
            with self.view.calls_seen(self._seen):
                outputs = self.call(values.map_arrays(self.tensor, x))
            if self.scored:
                self.keep_for_score(x, y, weights, outputs, rows)
        return [np.asarray(to_array(leaf)) for _, leaf in values.leaves(outputs)]

    def keep_for_score(self, x, y, weights, outputs, rows):
        """Keep a batch's outputs for the score; count it at once where layers have added losses of their own."""
        self.unscored.append((x, y, weights, outputs, rows))
        if self.added_losses():
            self._score()
            self.clear_added_losses()

    def _score(self):
        """Count loss and metrics of the batches that are not counted yet, joined."""
        batches, self.unscored = self.unscored, []
        if not batches or not self.loss_known:
            return
        if not self.compiled():
            self.loss_known = False
            return
        try:
            x, y, weights, outputs = (_joined(self.view.tf, [batch[place] for batch in batches]) for place in range(4))
            y, weights = (values.map_arrays(self.tensor, part) for part in (y, weights))
            loss, metrics = self.loss_and_metrics(x, y, outputs, weights)
            self.add_loss(np.array(loss, np.float64), sum(batch[4] for batch in batches))
            self.metrics = numbers(metrics)
        except Exception as error:
            self.loss_known, self.problem = False, error

    def result(self):
        with self.scope():
            self._score()
        return super().result()

    def call(self, x):
        """Call the model in the pass's phase."""
        model = self.view.model
        if self.view.takes_training():
            return model(x, training=self.training)
        return model(x)

    def tensor(self, array):
        """Return an array as a tensor; floats as the precision that Keras hands on."""
        if array.dtype == np.float64:
            array = array.astype(self.view.keras.backend.floatx())
        return self.view.tf.constant(array)

    def _seen(self, call, layer, arguments, options):
        place = self.places.get(id(layer))
        options = dict(options)
        if self.forced and self.view.layer_takes_training(layer):
            if place is not None:
                options["training"] = self.batch_norm
            elif not self.view.holds_layers(layer):
                options["training"] = self.stochastic
            if "training" in options:
                arguments = arguments[: self.view.training_position(layer)]
        if place is not None:
            outputs = self.batch_norm_call(place, call, layer, arguments, options)
        else:
            outputs = call(layer, *arguments, **options)
        if self.capture is not None and layer is not self.view.model:
            number = self.calls[id(layer)] = self.calls.get(id(layer), -1) + 1
            for _, leaf in values.leaves(outputs)[:1]:
                if hasattr(leaf, "dtype") and hasattr(leaf, "shape"):
                    self.capture(layer, number, to_array(leaf))
        return outputs


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


def to_array(tensor):
    """Return a tensor's values; half precision as float32."""
    array = _raw(tensor)
    if array.dtype.kind == "V" or str(array.dtype) in ("bfloat16", "float16"):
        array = array.astype(np.float32)
    return array


def _raw(tensor):
    """Return an eager tensor's values, without a copy where it offers that."""
    numpy_view = getattr(tensor, "_numpy", None)
    if numpy_view is not None:
        return np.asarray(numpy_view())
    if hasattr(tensor, "numpy"):
        return np.asarray(tensor.numpy())
    return np.asarray(tensor)
