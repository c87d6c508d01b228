"""Keras 2.0 to 2.3 on TensorFlow 1: static graphs and a learning phase that is fed."""

import contextlib
import functools
import re

import numpy as np

from repro_worker import own_model, variant
from repro_worker.adapters import quiet
from repro_worker.adapters.base import (
    NOT_TRAINED,
    Adapter,
    DeviceAbsentError,
    batches,
    compile_arguments,
    measured_momenta,
    scenario_momentum,
    scores,
    seed_python,
    skipping,
    telemetry,
)
from repro_worker.adapters.keras_2_graph import LayerCalls, reached_operations
from repro_worker.adapters.keras_2_graph import nodes as keras_nodes
from repro_worker.batch_norm import calls_apart, mean_over_calls

TRAINING, INFERENCE = 1, 0
SHADOW = re.compile(r"/(biased|local_step)(_\d+)?$")


class Keras2(Adapter):
    """The report's literal calls: fit, predict, evaluate, and test_function([images, labels, ones, 1])."""

    update_rule = "difference"
    calls = None  # of each layer, known after `build`

    def start(self, request):
        import keras
        import tensorflow as tf

        self.keras, self.tf, self.K = keras, tf, keras.backend
        self.device = self._choose_device(request["device"])
        if request["deterministic"]:
            self.notes = ("op determinism was asked for; TensorFlow {} has none".format(tf.__version__),)
        self._open_session(request)

    def _open_session(self, request):
        config = self.tf.ConfigProto(
            intra_op_parallelism_threads=request["threads"],
            inter_op_parallelism_threads=1,
            device_count={"GPU": 0} if self.device == "cpu" else {},
        )
        self.K.set_session(self.tf.Session(config=config))
        seed_python(request["seed"])
        self.tf.set_random_seed(request["seed"])

    def _choose_device(self, asked):
        if asked != "cpu" and self.tf.test.is_built_with_cuda():
            from tensorflow.python.client import device_lib

            if any(device.device_type == "GPU" for device in device_lib.list_local_devices()):
                return "gpu"
        if asked == "gpu":
            raise DeviceAbsentError("TensorFlow {} here is built without CUDA".format(self.tf.__version__))
        return "cpu"

    def versions(self):
        return {"keras": self.keras.__version__, "tensorflow": self.tf.__version__, "backend": self.K.backend()}

    def build(self, request):
        scenario, momentum = request["scenario"], scenario_momentum(request)
        is_own = bool(scenario["model"].get("python"))
        self.model = self._own(request, momentum) if is_own else self._application(request)
        wanted = variant.settings(scenario.get("batch_norm"))
        if wanted:
            with self.keras.utils.CustomObjectScope(self._unregistered()):
                self.model = variant.rebuilt(self.model, wanted, self.batch_norm_layers())
        self.momenta = measured_momenta(request, self.batch_norm_layers())
        if request.get("trace") and request.get("kind") not in NOT_TRAINED:
            self._watch_layers()
            self.traced_at_zero = self.reason_against_trace() is None
            momentum, self.calls = 0.0 if self.traced_at_zero else momentum, None
        if is_own and self.traced_at_zero:
            self._begin_again(request)
            self.model = self._own(request, momentum)
        elif not is_own and momentum is not None:
            self._set_momentum(momentum)
        self.model.compile(**compile_arguments(scenario))
        if scenario["compile"].get("learning_rate") is not None:
            self.K.set_value(self.model.optimizer.lr, scenario["compile"]["learning_rate"])
        self._watch_layers()

    def _begin_again(self, request):
        """An empty graph, and seeds and names as after `start`: what is built next has the bits of a first build."""
        self.tf.reset_default_graph()
        self.K.reset_uids()
        self._open_session(request)

    def _watch_layers(self):
        """Find each layer's calls; a layer without any has no batch statistics, and is left out of all that follows."""
        reached = reached_operations(self.model.inputs)
        step_updates = set(map(id, self.model.updates))
        layers = self._all_batch_norm_layers()
        calls = [LayerCalls(self.tf, layer, reached, step_updates) for layer in layers]
        self.calls = [(layer, found) for layer, found in zip(layers, calls) if found.statistics]
        self.statistics = [found.statistics for _, found in self.calls]
        self.zero_debias = any(found.debiased for _, found in self.calls)
        self.momenta = [momentum for momentum, found in zip(self.momenta, calls) if found.statistics]

    def _own(self, request, momentum):
        """The user's model, its layers built with this momentum (None: their own).

        It cannot be set later by rebuilding: a configuration keeps nothing of a Lambda's closure in Keras 2.0.9.
        """
        with self._built_with_momentum(momentum):
            model = own_model.build(request, self.keras.models.Model)
        shapes = self.K.int_shape(model.input)[1:], self.K.int_shape(model.output)[1:]
        own_model.check_shapes(shapes[0], shapes[1], request)
        images = own_model.odd_images(tuple(request["scenario"]["images"]["size"]) + (shapes[0][-1],))
        own_model.check_probabilities(model.predict(images))
        return model

    @contextlib.contextmanager
    def _built_with_momentum(self, momentum):
        """All BatchNormalization layers that are made inside have this momentum; None: their own."""
        kind = self.keras.layers.BatchNormalization
        literal = kind.__init__

        @functools.wraps(literal)
        def begin(layer, *args, **kwargs):
            literal(layer, *args, **kwargs)
            layer.momentum = momentum

        if momentum is not None:
            kind.__init__ = begin
        try:
            yield
        finally:
            kind.__init__ = literal

    def _application(self, request):
        """A network of keras.applications."""
        scenario = request["scenario"]
        make = getattr(self.keras.applications, scenario["model"]["application"], None)
        if make is None:
            raise ValueError("this Keras has no application called {}".format(scenario["model"]["application"]))
        height, width = scenario["images"]["size"]
        shape = (height, width, scenario["images"]["channels"])
        return make(input_shape=shape, classes=scenario["model"]["classes"], weights=None)

    def _set_momentum(self, momentum):
        """Rebuild with another momentum and the same initial weights: the update is made when a layer is called.

        Initializers draw from numpy's generator, which `fit` shuffles with: its state is put back, so that momentum
        changes no order of the data.
        """
        config = self.model.get_config()
        changed = False
        for layer in config["layers"]:
            if layer["class_name"] == "BatchNormalization" and layer["config"]["momentum"] != momentum:
                layer["config"]["momentum"] = momentum
                changed = True
        if changed:
            initial, random_state = self.model.get_weights(), np.random.get_state()
            with self.keras.utils.CustomObjectScope(self._unregistered()):
                self.model = type(self.model).from_config(config)
            self.model.set_weights(initial)
            np.random.set_state(random_state)

    def _unregistered(self):
        """What MobileNet's configuration names and Keras before 2.2 does not know by name."""
        module = getattr(self.keras.applications, "mobilenet", None)
        names = [name for name in ("relu6", "DepthwiseConv2D") if hasattr(module, name)]
        return {name: getattr(module, name) for name in names}

    def fit(self, images, labels, fit, first_epoch, callback):
        skipping(
            self.model,
            self.prepare_train_function,
            lambda _inputs: [0.0] * len(self.model.metrics_names),
            first_epoch * callback.steps_per_epoch,
        )
        self.model.fit(
            images,
            labels,
            epochs=fit["epochs"],
            shuffle=fit["shuffle"],
            batch_size=fit["batch_size"],
            verbose=0,
            callbacks=[telemetry(self.keras.callbacks.Callback, callback, first_epoch)],
        )
        return "model.fit"

    def prepare_train_function(self):
        """The model's train function, made."""
        self.model._make_train_function()
        return self.model.train_function

    def batch_statistics(self):
        return self.moving_statistics()

    def calls_per_step(self):
        return [found.updates for _, found in self.calls]

    def reason_against_trace(self):
        for layer, found in self.calls:
            reason = found.reason_against_trace(layer)
            if reason is not None:
                return "{} {}".format(layer.name, reason)
        return None

    def evaluate(self, images, labels, batch_size):
        loss, accuracy = self.model.evaluate(images, labels, batch_size=batch_size, verbose=0)
        return loss, accuracy, "model.evaluate"

    def predict(self, images, batch_size):
        return self.model.predict(images, batch_size=batch_size, verbose=0), "model.predict"

    def _random_layers(self):
        return quiet.random_layers(self.keras, self.model.layers)

    def random_layer_names(self):
        return [layer.name for layer in self._random_layers()]

    def first_bad_output(self, images):
        layers = [layer for layer in self.model.layers if len(keras_nodes(layer)) == 1]
        outputs = [keras_nodes(layer)[0].output_tensors[0] for layer in layers]
        feed = {self.model.inputs[0]: images, self.K.learning_phase(): INFERENCE}
        values = self.K.get_session().run(outputs, feed_dict=feed)
        return next((layer for layer, array in zip(layers, values) if not np.isfinite(array).all()), None)

    def training_phase(self, images, labels, batch_size, random_layers=True):
        self.model._make_test_function()
        losses, right, sums, given = 0.0, 0.0, None, []
        for part in batches(len(images), batch_size):
            count = part.stop - part.start
            feed = [images[part], labels[part], np.ones(count), TRAINING]
            if hasattr(self.model, "reset_metrics"):
                self.model.reset_metrics()  # since Keras 2.3 the accuracy is that of all calls since the last reset
            if random_layers:
                loss, accuracy = self.model.test_function(feed)
            values, probabilities = self._fetch_statistics(images[part], random_layers)
            if not random_layers:
                loss, accuracy = scores(probabilities, labels[part])
            losses += float(loss) * count
            right += float(accuracy) * count
            given.append(probabilities)
            values = [[array * np.float32(count) for array in pair] for pair in values]
            if sums is None:
                sums = values
            else:
                sums = [[old + new for old, new in zip(*pairs)] for pairs in zip(sums, values)]
        self.training_probabilities = np.concatenate(given)
        total = len(images)
        statistics = [tuple(array / np.float32(total) for array in pair) for pair in sums]
        return losses / total, right / total, "model.test_function([images, labels, ones, 1])", statistics

    def _fetch_statistics(self, images, random_layers):
        """Batch statistics of all layers, and probabilities, for one batch in training phase; runs no update."""
        session = self.K.get_session()
        feed = {self.model.inputs[0]: images, self.K.learning_phase(): TRAINING}
        if not random_layers:
            feed = quiet.quiet_feed(session, self._random_layers(), feed)
        fetched = [[list(pair) for pair in calls] for calls in self.statistics]
        calls_of_layers, probabilities = session.run((fetched, self.model.outputs[0]), feed_dict=feed)
        self.calls_apart = [calls_apart(calls) for calls in calls_of_layers]
        return [mean_over_calls(calls) for calls in calls_of_layers], probabilities

    def batch_norm_layers(self):
        """Those that the model calls, frozen ones and those inside of other layers too."""
        return self._all_batch_norm_layers() if self.calls is None else [layer for layer, _ in self.calls]

    def _all_batch_norm_layers(self):
        layers = own_model.nested_layers(self.model)
        return [layer for layer in layers if isinstance(layer, self.keras.layers.BatchNormalization)]

    def why_no_statistics(self):
        if self._all_batch_norm_layers():
            return "the model calls none of its BatchNormalization layers: nothing of them is measured"
        return super().why_no_statistics()

    def moving_statistics(self):
        layers = self.batch_norm_layers()
        values = self.K.batch_get_value([w for layer in layers for w in (layer.moving_mean, layer.moving_variance)])
        return list(zip(values[::2], values[1::2]))

    def set_moving_statistics(self, pairs):
        values = []
        for layer, (mean, variance) in zip(self.batch_norm_layers(), pairs):
            values += [(layer.moving_mean, mean), (layer.moving_variance, variance)]
        self.K.batch_set_value(values)

    def assign_snapshot(self, arrays):
        for weight, array in zip(self.model.weights, arrays):
            self.K.set_value(weight, array)

    def weights(self):
        weights = list(self.model.weights)
        for weight, value in zip(weights, self._values(weights)):
            yield weight.name.replace(":", "_"), value

    def state(self):
        self.model._make_train_function()
        for index, value in enumerate(self._values(self._state_variables())):
            yield "variable/{:05d}".format(index), value

    def _values(self, variables):
        """Yield the variables' values in turn; each session call prunes the whole graph (0.1 s), so few are made."""
        for group in in_groups(variables):
            for value in self.K.batch_get_value(group):
                yield value

    def _state_variables(self):
        found = list(self.model.weights) + list(self.model.optimizer.weights)
        if self.zero_debias:
            # What TensorFlow averages beside the moving statistics; a network that was rebuilt left some of its own.
            shadows = (variable for variable in self.tf.global_variables() if SHADOW.search(variable.op.name))
            found += shadows
        return found

    def restore(self, state):
        self.model._make_train_function()
        index = 0
        for group in in_groups(self._state_variables()):
            names = ["variable/{:05d}".format(index + place) for place in range(len(group))]
            # Values are fed to the initializers: assigning adds nodes, and the session takes in the graph anew (24 s).
            feed = {variable.initializer.inputs[1]: state[name] for variable, name in zip(group, names)}
            self.K.get_session().run([variable.initializer for variable in group], feed_dict=feed)
            index += len(group)


def in_groups(variables, most_bytes=32 * 1024 * 1024):
    """Lists of variables in order, each list of at most `most_bytes` or of one variable."""
    group, size = [], 0
    for variable in variables:
        more = int(np.prod([int(side) for side in variable.shape], dtype=np.int64)) * variable.dtype.size
        if group and size + more > most_bytes:
            yield group
            group, size = [], 0
        group.append(variable)
        size += more
    if group:
        yield group
