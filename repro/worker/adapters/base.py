"""What every adapter offers to `training`."""

import random

import numpy as np

NOT_TRAINED = ("what_if", "derive")  # kinds of requests that only load weights and evaluate


class Adapter:
    """One Keras generation: builds, trains and measures one model.

    Statistics are pairs (mean, variance) of float32 arrays of shape (channels,), one per BatchNormalization layer in
    the order of `model.layers`. Images are (count, height, width, channels), labels one-hot (count, classes).
    """

    model = None
    notes = ()  # what a reader of the figures should know, known after `start`
    training_probabilities = None  # (count, classes): what the last `training_phase` gave
    calls_apart = ()  # of each layer in the last batch of that pass: see batch_norm.calls_apart
    update_rule = "weighted"  # how the layers move their statistics: see batch_norm.update
    graph_passes_left_out = ()  # names of TensorFlow's optimizations that are not made, known after `start`
    momenta = ()  # that the run is measured at, one for each of `batch_norm_layers`, known after `build`
    traced_at_zero = False  # whether a traced run is built with momentum 0, so that layers hold their last batch's
    zero_debias = False  # whether they divide by 1 - momentum ** updates, known after `build`

    def start(self, request):
        """Import the framework; set threads, device, determinism and seeds as `request` says."""
        raise NotImplementedError

    def versions(self):
        """Names and versions of the framework's parts, as they report them."""
        raise NotImplementedError

    def build(self, request):
        """Build and compile the model that the request's scenario describes."""
        raise NotImplementedError

    def rehearse(self, request):
        """Do ahead what the first step of `fit` costs, and leave model and generators as they were; or nothing."""

    def fit(self, images, labels, fit, first_epoch, callback):
        """model.fit from `first_epoch` on.

        `callback` has epoch_begin(epoch), epoch_end(epoch, logs) -> stop?, and where `callback.trace` is not None
        batch_begin() and batch_end().
        """
        raise NotImplementedError

    def evaluate(self, images, labels, batch_size):
        """(loss, accuracy, name of the call) in inference phase."""
        raise NotImplementedError

    def predict(self, images, batch_size):
        """(probabilities (count, classes), name of the call) in inference phase."""
        raise NotImplementedError

    def evaluate_and_predict(self, images, labels, batch_size):
        """What `evaluate` and `predict` return, one after the other; a subclass may need one pass for both."""
        return self.evaluate(images, labels, batch_size), self.predict(images, batch_size)

    def repeated_evaluation(self, images, labels, batch_size):
        """A function that returns (loss, accuracy, probabilities) in inference phase, for the weights of each call."""

        def evaluate():
            (loss, accuracy, _), (probabilities, _) = self.evaluate_and_predict(images, labels, batch_size)
            return loss, accuracy, probabilities

        return evaluate

    def training_phase(self, images, labels, batch_size, random_layers=True):
        """(loss, accuracy, name of the call, batch statistics) in training phase; leaves the model as it was.

        `random_layers` False: dropout, noise and augmentation act as in inference. The statistics of a layer are the
        mean over its calls; None for a layer that is not called.
        """
        raise NotImplementedError

    def batch_statistics(self):
        """(mean, variance) of each layer's batch in the last step of a traced run, as the layer averages them."""
        raise NotImplementedError

    def calls_per_step(self):
        """For each layer how often a training step updates its averages; None where that cannot be told."""
        raise NotImplementedError

    def reason_against_trace(self):
        """Why other momenta cannot be replayed from what a step shows, known after the first step; None: they can."""
        raise NotImplementedError

    def random_layer_names(self):
        """Names of the layers that `training_phase` can be asked to silence."""
        raise NotImplementedError

    def first_bad_output(self, images):
        """The first layer whose output for the images (inference phase) is not finite, or None."""
        raise NotImplementedError

    def batch_norm_layers(self):
        """The model's BatchNormalization layers whose statistics move, in order: frozen ones are left out."""
        raise NotImplementedError

    def why_no_statistics(self):
        """Why `batch_norm_layers` is empty, in words."""
        return "this model has no BatchNormalization layers: nothing of them is measured"

    def moving_statistics(self):
        """(moving_mean, moving_variance) of every BatchNormalization layer."""
        raise NotImplementedError

    def set_moving_statistics(self, pairs):
        """Assign (moving_mean, moving_variance) of every BatchNormalization layer."""
        raise NotImplementedError

    def snapshot(self):
        """Yield what a snapshot keeps: the arrays of all weights in Keras's order; a subclass may add to them."""
        for _, array in self.weights():
            yield array

    def assign_snapshot(self, arrays):
        """Assign what `snapshot` yielded."""
        raise NotImplementedError

    def weights(self):
        """Yield (name, array) of all the model's weights in Keras's order, one at a time."""
        raise NotImplementedError

    def state(self):
        """Yield (name, array) of all that a checkpoint must hold to go on: weights, optimizer, random states."""
        raise NotImplementedError

    def restore(self, state):
        """Put a checkpoint back; `state` maps names to arrays."""
        raise NotImplementedError

    def fingerprint(self):
        """Layers, parameters and BatchNormalization settings of the built model."""
        layers = self.batch_norm_layers()
        return {
            "layers": len(self.model.layers),
            "parameters": int(self.model.count_params()),
            "batch_norm_layers": len(layers),  # whose statistics move: frozen ones are not among them
            "momentum": sorted(set(self.momenta)),
            "epsilon": sorted({float(layer.epsilon) for layer in layers}),
        }


def seed_python(seed):
    """Seed Python's and numpy's global generators."""
    random.seed(seed)
    np.random.seed(seed)


def batches(count, batch_size):
    """Slices of at most `batch_size` over `count` items, in order."""
    return [slice(start, min(start + batch_size, count)) for start in range(0, count, batch_size)]


def scores(probabilities, labels):
    """(mean cross-entropy, accuracy) of probabilities (images, classes) for one-hot labels, as Keras computes them."""
    probabilities = np.asarray(probabilities, np.float64)
    of_right = np.sum(probabilities * labels, 1) / np.maximum(np.sum(probabilities, 1), 1e-7)
    loss = float(np.mean(-np.log(np.clip(of_right, 1e-7, 1.0 - 1e-7))))
    return loss, float(np.mean(np.argmax(probabilities, 1) == np.argmax(labels, 1)))


class DeviceAbsentError(Exception):
    """The device that was asked for is not there."""


def telemetry(base, callback, first_epoch):
    """A Keras callback of class `base` that passes on what happens; nothing of the epochs that are skipped."""

    class Telemetry(base):
        epoch = -1

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch
            callback.epoch_begin(epoch)

        def on_epoch_end(self, epoch, logs=None):
            if epoch >= first_epoch and callback.epoch_end(epoch, logs):
                self.model.stop_training = True

    class TracingTelemetry(Telemetry):
        def on_batch_begin(self, batch, logs=None):
            if self.epoch >= first_epoch:
                callback.batch_begin()

        def on_batch_end(self, batch, logs=None):
            if self.epoch >= first_epoch:
                callback.batch_end()

        # Keras 3 and tf.keras call these instead.
        on_train_batch_begin = on_batch_begin
        on_train_batch_end = on_batch_end

    return Telemetry() if callback.trace is None else TracingTelemetry()


def skipping(model, make_train_function, skip_step, steps):
    """Have `model.fit` pass over its first `steps` steps: it draws their batches and trains on none of them.

    A resumed run thus sees the same shuffled order from there on as a run that was never interrupted.
    """
    if not steps:
        return
    real = make_train_function()
    left = [steps]

    def train_function(*arguments):
        if left[0]:
            left[0] -= 1
            return skip_step(*arguments)
        return real(*arguments)

    model.train_function = train_function


def scenario_momentum(request):
    """The momentum that the scenario names for all layers, None: each layer's own."""
    return (request["scenario"].get("batch_norm") or {}).get("momentum")


def measured_momenta(request, layers):
    """The momentum of each of `layers`, not yet changed, that the run is measured at."""
    asked = scenario_momentum(request)
    return [float(layer.momentum if asked is None else asked) for layer in layers]


def compile_arguments(scenario):
    """Arguments of model.compile; a learning rate is set on the compiled optimizer, whatever its argument is called."""
    return {key: value for key, value in scenario["compile"].items() if key != "learning_rate"}
