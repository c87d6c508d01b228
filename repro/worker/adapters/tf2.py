"""What Keras 3 and tf.keras on TensorFlow 2 have in common."""

import ctypes
import importlib

import numpy as np

from repro_worker import own_model, variant
from repro_worker.adapters.base import (
    Adapter,
    DeviceAbsentError,
    batches,
    compile_arguments,
    measured_momenta,
    request_momentum,
    skipping,
    telemetry,
)


class TF2Adapter(Adapter):
    """Eager calls on TensorFlow 2; subclasses set `keras` in `import_keras`."""

    keras = None

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
            tf.config.experimental.enable_op_determinism()
        self.seed(request["seed"])

    def _choose_device(self, asked):
        if asked == "cpu":
            self.tf.config.set_visible_devices([], "GPU")
            return "cpu"
        gpus = self.tf.config.list_physical_devices("GPU")
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
        momentum = request_momentum(request)
        if momentum is not None:
            for layer in self.batch_norm_layers():
                layer.momentum = momentum
        self.model.compile(**compile_arguments(scenario))
        if scenario["compile"].get("learning_rate") is not None:
            self.model.optimizer.learning_rate = scenario["compile"]["learning_rate"]

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
        one = np.zeros((1,) + tuple(scenario["images"]["size"]) + (scenario["images"]["channels"],), np.float32)
        if isinstance(getattr(model, "input_shape", None), tuple):  # a list where there are several inputs
            own_model.check_shapes(model.input_shape[1:], (scenario["model"]["classes"],), request)
        with own_model.as_own(request):
            given = model(self.tf.constant(one), training=False)
        if not hasattr(given, "shape"):
            raise own_model.OwnModelError("your model gives several outputs, it must give one")
        own_model.check_shapes(one.shape[1:], tuple(given.shape)[1:], request)
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

    def training_phase(self, images, labels, batch_size):
        """One eager forward pass of the layers in training phase, with momentum 0 and moving statistics 0.

        Then every update rule (m * moving + (1 - m) * batch, or moving - (moving - batch) * (1 - m)) leaves exactly
        the batch statistic in the moving statistic, which is read and put back.
        """
        layers = self.batch_norm_layers()
        kept = [(variable, np.array(variable)) for variable in self.model.non_trainable_variables]
        momenta = [layer.momentum for layer in layers]
        losses, right, sums, given = 0.0, 0, None, []
        try:
            for layer in layers:
                layer.momentum = 0.0
            for part in batches(len(images), batch_size):
                for layer in layers:
                    layer.moving_mean.assign(np.zeros(layer.moving_mean.shape, np.float32))
                    layer.moving_variance.assign(np.zeros(layer.moving_variance.shape, np.float32))
                probabilities = self.model(self.tf.constant(images[part], self.tf.float32), training=True)
                given.append(np.array(probabilities))
                count = part.stop - part.start
                per_image = self.keras.losses.categorical_crossentropy(labels[part].astype(np.float32), probabilities)
                losses += float(np.mean(np.array(per_image), dtype=np.float32)) * count
                right += int(np.sum(np.argmax(np.array(probabilities), 1) == np.argmax(labels[part], 1)))
                statistics = [np.concatenate(pair) * np.float32(count) for pair in self.moving_statistics()]
                sums = statistics if sums is None else [old + new for old, new in zip(sums, statistics)]
        finally:
            for layer, momentum in zip(layers, momenta):
                layer.momentum = momentum
            for variable, value in kept:
                variable.assign(value)
        self.training_probabilities = np.concatenate(given)
        mean = [total / np.float32(len(images)) for total in sums]
        pairs = [tuple(np.split(values, 2)) for values in mean]
        return losses / len(images), right / len(images), "model(x, training=True)", pairs

    def batch_norm_layers(self):
        kind = self.keras.layers.BatchNormalization
        layers = own_model.nested_layers(self.model)
        return [layer for layer in layers if isinstance(layer, kind) and layer.trainable]

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
