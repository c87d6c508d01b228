"""Keras 3 with the TensorFlow backend."""

import contextlib
import functools
import random

import numpy as np

from repro_worker.adapters.base import NOT_TRAINED
from repro_worker.adapters.graph_optimizer import leave_out_passes
from repro_worker.adapters.tf2 import TF2Adapter

MOST_KEPT_BYTES = 1 << 26  # of images; the batches of more are drawn anew in each epoch


class Keras3(TF2Adapter):
    """Literal calls of Keras 3; optimizer and metrics are built before `fit` (one trace for two, same bits)."""

    probabilities = None
    statistics_from_input = False

    def import_keras(self):
        import keras

        return keras

    def start(self, request):
        super().start(request)
        self.is_application = not (request.get("scenario") or {}).get("model", {}).get("python")
        if self.is_application and self.device == "cpu":
            self.graph_passes_left_out = leave_out_passes()

    def versions(self):
        return {
            "keras": self.keras.__version__,
            "tensorflow": self.tf.__version__,
            "backend": self.keras.backend.backend(),
        }

    def build(self, request):
        super().build(request)
        # fit traces its step a second time when the first trace made variables; 12 s of a 25 s first epoch.
        self._build_metrics_and_loss(request["scenario"])
        if request.get("kind") in NOT_TRAINED:
            return
        self.model.optimizer.build(self.model.trainable_variables)
        with self._plain_tracing():
            self.model.make_train_function()

    def trains(self, layer, training):
        if training is not None and not isinstance(training, (bool, int)):
            return None
        return bool(training) and layer.trainable

    def watch_statistics(self, layer, note):
        literal = layer._moments

        @functools.wraps(literal)
        def moments(*args, **kwargs):
            pair = literal(*args, **kwargs)
            note(pair)
            return pair

        layer._moments = moments

    def _build_metrics_and_loss(self, scenario):
        """What `_symbolic_build` does; an application's outputs are known without another symbolic pass through it."""
        classes = scenario["model"]["classes"]
        if scenario["model"].get("python"):
            shape = (1,) + tuple(scenario["images"]["size"]) + (scenario["images"]["channels"],)
            self.model._symbolic_build(data_batch=(np.zeros(shape, np.float32), np.zeros((1, classes), np.float32)))
            return
        compute_output_spec = self.keras.src.backend.compute_output_spec
        y, y_pred = self.keras.KerasTensor((1, classes), "float32"), self.model.outputs[0]
        compute_output_spec(self.model.compute_metrics, None, y, y_pred, sample_weight=None)
        compute_output_spec(self.model._compute_loss, None, y, y_pred, sample_weight=None, training=False)

    @contextlib.contextmanager
    def _plain_tracing(self):
        """Functions made inside are traced without autograph: applications hold no Python branches on tensors."""
        literal = self.tf.function
        if self.is_application:
            self.tf.function = functools.partial(literal, autograph=False)
        try:
            yield
        finally:
            self.tf.function = literal

    def rehearse(self, request):
        """One step of `fit` on blank images: its trace stays with the model, for the `fit` that follows.

        Variables and generators are put back: tests/real/test_warm.py proves the bits equal.
        """
        if self.model.jit_compile:
            return  # compiled for the device when it first runs: nothing was measured there
        scenario = request["scenario"]
        shape = (len(request["labels"]),) + tuple(scenario["images"]["size"]) + (scenario["images"]["channels"],)
        kind = np.uint8 if scenario["images"].get("divide_by") is None else np.float32
        labels = np.eye(scenario["model"]["classes"])[np.asarray(request["labels"])]
        kept = [(variable, np.array(variable)) for variable in self.state_variables()]
        generators = random.getstate(), np.random.get_state()
        data, _ = self.training_data(np.zeros(shape, kind), labels, scenario["fit"])
        self.model.fit(epochs=1, verbose=0, callbacks=[_one_step(self.keras.callbacks.Callback)], **data)
        for variable, value in kept:
            variable.assign(value)
        random.setstate(generators[0])
        np.random.set_state(generators[1])

    def training_data(self, images, labels, fit):
        """The batches that `model.fit` would draw from the arrays, as a data set that keeps them after the first epoch.

        With seeds set, Keras 3 shuffles every epoch alike, but makes two iterators for each (50 ms of a step of 0.7 s).
        tests/real/test_same_bits.py compares the weights with a plain script's bit for bit.
        """
        if self.device != "cpu" or images.nbytes > MOST_KEPT_BYTES:
            return super().training_data(images, labels, fit)
        from keras.src.trainers.data_adapters.array_data_adapter import ArrayDataAdapter

        drawn = ArrayDataAdapter(images, labels, batch_size=fit["batch_size"], shuffle=fit["shuffle"])
        batches = drawn.get_tf_dataset().cache().repeat()
        return {"x": batches, "steps_per_epoch": drawn.num_batches}, "model.fit, its batches kept"

    def evaluate_and_predict(self, images, labels, batch_size):
        """`model.evaluate`, which keeps the probabilities it computes: `model.predict` would trace the same pass again.

        tests/real/test_same_bits.py proves the bits equal. Of several batches only the last would be kept.
        """
        if len(images) > batch_size or self.model.jit_compile:
            return super().evaluate_and_predict(images, labels, batch_size)
        if self.probabilities is None:
            self.probabilities = self.tf.Variable(np.zeros(labels.shape, np.float32), shape=self.tf.TensorShape(None))
            with self._plain_tracing():
                self.model.make_test_function(force=True)  # one that was traced before keeps nothing
        self.model.compute_metrics = self._metrics_that_show(self.probabilities.assign)
        try:
            evaluated = self.evaluate(images, labels, batch_size)
        finally:
            del self.model.compute_metrics
        return evaluated, (self.probabilities.numpy(), "model.evaluate, its probabilities")

    def repeated_evaluation(self, images, labels, batch_size):
        """`model.evaluate`'s own step, compiled once for these images: no data set and no callbacks are made again."""
        if len(images) > batch_size or self.model.jit_compile:
            return super().repeated_evaluation(images, labels, batch_size)
        given = []
        compute_metrics = self._metrics_that_show(given.append)

        def step(x, y):
            self.model.compute_metrics = compute_metrics
            try:
                return self.model.test_step((x, y)), given.pop()
            finally:
                del self.model.compute_metrics

        with self._plain_tracing():
            compiled = self.tf.function(step)
        data = self.tf.constant(images, self.tf.float32), self.tf.constant(labels, self.tf.float32)

        def evaluate():
            self.model.reset_metrics()
            logs, probabilities = compiled(*data)
            return float(logs.pop("loss")), float(*logs.values()), probabilities.numpy()

        return evaluate

    def _metrics_that_show(self, take):
        """The model's own `compute_metrics`, which gives `take` the probabilities first."""
        literal = self.model.compute_metrics

        def compute_metrics(x, y, y_pred, sample_weight=None):
            take(y_pred)
            return literal(x, y, y_pred, sample_weight=sample_weight)

        return compute_metrics

    def snapshot(self):
        """Behind the weights the states of random layers (Dropout): the training phase draws from them."""
        yield from super().snapshot()
        for state in self._random_states():
            yield np.array(state)

    def assign_snapshot(self, arrays):
        for variable, array in zip(self.model.weights + self._random_states(), arrays):
            variable.assign(array)

    def _random_states(self):
        weights = {id(weight) for weight in self.model.weights}
        return [variable for variable in self.model.variables if id(variable) not in weights]

    def fingerprint(self):
        return dict(super().fingerprint(), jit_compile=bool(self.model.jit_compile))

    def state_variables(self):
        return list(self.model.variables) + list(self.model.optimizer.variables)


def _one_step(base):
    """A Keras callback of class `base` that ends `fit` after one step."""

    class OneStep(base):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = True

    return OneStep()
