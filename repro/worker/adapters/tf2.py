"""What Keras 3 and tf.keras on TensorFlow 2 have in common."""

import ctypes
import importlib

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
    skipping,
    telemetry,
)
from repro_worker.adapters.step_watch import StepWatch, input_moments, watched_outputs


class TF2Adapter(Adapter):
    """Eager calls on TensorFlow 2; subclasses set `keras` in `import_keras`."""

    keras = None
    statistics_from_input = True  # a trace computes them from the layers' inputs: the layers do not show theirs

    def import_keras(self):
        """The Keras module that this adapter speaks."""
        raise NotImplementedError

    def start(self, request):
        import tensorflow as tf

        self.tf = tf
        tf.config.threading.set_intra_op_parallelism_threads(request["threads"])
        tf.config.threading.set_inter_op_parallelism_threads(1)
        self.device = self._choose_device(request["device"])
        self.keras = self.import_keras()
        if request["deterministic"]:
            if hasattr(tf.config.experimental, "enable_op_determinism"):
                tf.config.experimental.enable_op_determinism()
            else:
                self.notes = ("op determinism was asked for; TensorFlow {} has none".format(tf.__version__),)
        self.seed(request["seed"])

    def _choose_device(self, asked):
        devices = self.tf.config if hasattr(self.tf.config, "set_visible_devices") else self.tf.config.experimental
        if asked == "cpu":
            devices.set_visible_devices([], "GPU")
            return "cpu"
        gpus = devices.list_physical_devices("GPU")
        if gpus:
            return "gpu"
        if asked == "gpu":
            raise DeviceAbsentError(self._why_no_gpu())
        return "cpu"

    def _why_no_gpu(self):
        if not self.tf.test.is_built_with_cuda():
            return "this TensorFlow is built without CUDA: use an environment with CUDA (keras-3-gpu)"
        try:
            driver = ctypes.CDLL("libcuda.so.1")
        except OSError as error:
            return "the NVIDIA driver's library cannot be loaded: {}".format(error)
        code = driver.cuInit(0)
        if code != 0:
            said = ctypes.c_char_p()
            driver.cuGetErrorString(code, ctypes.byref(said))
            why = said.value.decode("ascii", "replace") if said.value else "error"
            return "the NVIDIA driver does not start: cuInit says {} ({})".format(why, code)
        return "the NVIDIA driver works, but TensorFlow cannot load a CUDA library: the log names it"

    def seed(self, seed):
        """Python's, numpy's and TensorFlow's generators."""
        self.keras.utils.set_random_seed(seed)

    def build(self, request):
        scenario = request["scenario"]
        self.model = self._own(request) if scenario["model"].get("python") else self._application(request)
        wanted = variant.settings(scenario.get("batch_norm"))
        if wanted:
            self.model = variant.rebuilt(self.model, wanted, self.batch_norm_layers())
        self.momenta = measured_momenta(request, self.batch_norm_layers())
        momentum = scenario_momentum(request)
        if momentum is not None:
            for layer in self.batch_norm_layers():
                layer.momentum = momentum
        self.model.compile(**compile_arguments(scenario))
        if scenario["compile"].get("learning_rate") is not None:
            self.model.optimizer.learning_rate = scenario["compile"]["learning_rate"]
        self.watch = StepWatch(self, traced=bool(request.get("trace")) and request.get("kind") not in NOT_TRAINED)

    def trains(self, layer, training):
        """Whether a call of the layer uses the batch's statistics; None where only the graph can tell."""
        raise NotImplementedError

    def watch_statistics(self, layer, note):
        """Have `note` called with the (mean, variance) that each call of the layer computes, where that can be seen."""

    def input_statistics(self, layer, inputs):
        """(mean, variance) of a call's input as the layer averages them."""
        return input_moments(self.tf, layer, inputs)

    def calls_per_step(self):
        return self.watch.calls_per_step()

    @property
    def calls_apart(self):
        return self.watch.calls_apart

    def reason_against_trace(self):
        return self.watch.reason_against_trace()

    def batch_statistics(self):
        return self.watch.batch_statistics()

    def _application(self, request):
        """A network of keras.applications."""
        scenario = request["scenario"]
        model = scenario["model"]
        make = getattr(importlib.import_module(self.keras.__name__ + ".applications"), model["application"], None)
        if make is None:
            raise ValueError("this Keras has no application called {}".format(model["application"]))
        height, width = scenario["images"]["size"]
        shape = (height, width, scenario["images"]["channels"])
        return make(input_shape=shape, classes=model["classes"], weights=None)

    def _own(self, request):
        """The user's model, seen to give probabilities for one image."""
        model = own_model.build(request, self.keras.Model)
        scenario = request["scenario"]
        images = own_model.odd_images(tuple(scenario["images"]["size"]) + (scenario["images"]["channels"],))
        if isinstance(getattr(model, "input_shape", None), tuple):  # a list where there are several inputs
            own_model.check_shapes(model.input_shape[1:], (scenario["model"]["classes"],), request)
        with own_model.as_own(request):
            given = model(self.tf.constant(images), training=False)
        if not hasattr(given, "shape"):
            raise own_model.OwnModelError("your model gives several outputs, it must give one")
        own_model.check_shapes(images.shape[1:], tuple(given.shape)[1:], request)
        own_model.check_probabilities(np.array(given))
        return model

    def fit(self, images, labels, fit, first_epoch, callback):
        skipping(self.model, self.prepare_train_function, self.skip_step, first_epoch * callback.steps_per_epoch)
        data, call = self.training_data(images, labels, fit)
        watch = telemetry(self.keras.callbacks.Callback, callback, first_epoch)
        self.model.fit(epochs=fit["epochs"], verbose=0, callbacks=[watch], **data)
        return call

    def training_data(self, images, labels, fit):
        """Arguments of `model.fit` that give it the batches, and how that call is to be named."""
        return {"x": images, "y": labels, "shuffle": fit["shuffle"], "batch_size": fit["batch_size"]}, "model.fit"

    def prepare_train_function(self):
        """The model's train function, made."""
        self.model.train_function = None
        self.model.make_train_function()
        return self.model.train_function

    def skip_step(self, iterator):
        """Take a batch from the iterator without training on it."""
        next(iterator)
        return {"loss": 0.0, "acc": 0.0}

    def evaluate(self, images, labels, batch_size):
        loss, accuracy = self.model.evaluate(images, labels, batch_size=batch_size, verbose=0)
        return loss, accuracy, "model.evaluate"

    def predict(self, images, batch_size):
        return self.model.predict(images, batch_size=batch_size, verbose=0), "model.predict"

    def random_layer_names(self):
        return [layer.name for layer in quiet.random_layers(self.keras, own_model.nested_layers(self.model))]

    def first_bad_output(self, images):
        bad, leaves = [], [layer for layer in own_model.nested_layers(self.model) if not hasattr(layer, "layers")]
        with watched_outputs(leaves, lambda layer, array: np.isfinite(array).all() or bad.append(layer)):
            self.model(self.tf.constant(images, self.tf.float32), training=False)
        return bad[0] if bad else None

    def training_phase(self, images, labels, batch_size, random_layers=True):
        """One eager forward pass in training phase, with momentum 0 and statistics of 0 before each call of a layer.

        Then every update rule (m * moving + (1 - m) * batch, or moving - (moving - batch) * (1 - m)) leaves exactly
        the batch statistic in the moving statistic, which is read. All is put back.
        """
        if not random_layers:
            with quiet.quiet(quiet.random_layers(self.keras, own_model.nested_layers(self.model))):
                return self.training_phase(images, labels, batch_size)
        layers = self.batch_norm_layers()
        kept = [(variable, np.array(variable)) for variable in self.model.non_trainable_variables]
        momenta = [layer.momentum for layer in layers]
        losses, right, sums, given = 0.0, 0, [None] * len(layers), []
        try:
            for layer in layers:
                layer.momentum = 0.0
            for part in batches(len(images), batch_size):
                self.watch.begin_pass()
                probabilities = self.model(self.tf.constant(images[part], self.tf.float32), training=True)
                pairs = self.watch.end_pass()
                given.append(np.array(probabilities))
                count = part.stop - part.start
                per_image = self.keras.losses.categorical_crossentropy(labels[part].astype(np.float32), probabilities)
                losses += float(np.mean(np.array(per_image), dtype=np.float32)) * count
                right += int(np.sum(np.argmax(np.array(probabilities), 1) == np.argmax(labels[part], 1)))
                sums = [added(total, pair, count) for total, pair in zip(sums, pairs)]
        finally:
            self.watch.measured = None
            for layer, momentum in zip(layers, momenta):
                layer.momentum = momentum
            for variable, value in kept:
                variable.assign(value)
        self.training_probabilities = np.concatenate(given)
        statistics = [None if total is None else tuple(np.split(total / np.float32(len(images)), 2)) for total in sums]
        return losses / len(images), right / len(images), "model(x, training=True)", statistics

    def batch_norm_layers(self):
        return [layer for layer in self._all_batch_norm_layers() if layer.trainable]

    def _all_batch_norm_layers(self):
        kind = self.keras.layers.BatchNormalization
        return [layer for layer in own_model.nested_layers(self.model) if isinstance(layer, kind)]

    def why_no_statistics(self):
        if self._all_batch_norm_layers():
            return "the BatchNormalization layers are frozen: both phases use their statistics, which never change"
        return super().why_no_statistics()

    def moving_statistics(self):
        return [(np.array(layer.moving_mean), np.array(layer.moving_variance)) for layer in self.batch_norm_layers()]

    def set_moving_statistics(self, pairs):
        for layer, (mean, variance) in zip(self.batch_norm_layers(), pairs):
            layer.moving_mean.assign(mean)
            layer.moving_variance.assign(variance)

    def assign_snapshot(self, arrays):
        for weight, array in zip(self.model.weights, arrays):
            weight.assign(array)

    def weights(self):
        for weight in self.model.weights:
            yield getattr(weight, "path", weight.name), np.array(weight)

    def state_variables(self):
        """All variables that a checkpoint holds, in a fixed order."""
        raise NotImplementedError

    def state(self):
        for index, variable in enumerate(self.state_variables()):
            yield "variable/{:05d}".format(index), np.array(variable)

    def restore(self, state):
        for index, variable in enumerate(self.state_variables()):
            variable.assign(state["variable/{:05d}".format(index)])


def added(total, pair, count):
    """`total`, one vector or None at first, and `count` times the statistics `pair`; None where there are none."""
    if pair is None:
        return total
    values = np.concatenate(pair) * np.float32(count)
    return values if total is None else total + values
