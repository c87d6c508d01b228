"""A program that trains, run alone and under the recorder. Prints one JSON object: what it cost.

python trained.py dense|resnet50
"""

import hashlib
import json
import resource
import sys
import time

import keras
import numpy as np

TIMED_AFTER = 2  # epochs, in which TensorFlow traces and the caches fill


class Clock(keras.callbacks.Callback):
    """Notes wall and processor seconds at the first step, and at the end of each epoch."""

    def __init__(self):
        super().__init__()
        self.first_step = None
        self.epochs = []

    def on_train_batch_begin(self, batch, logs=None):
        if self.first_step is None:
            self.first_step = time.time(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append((time.perf_counter(), time.process_time()))


def dense():
    """A small network, for which every look costs most: 100 steps an epoch."""
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 1.0, (3200, 20)).astype("float32")
    y = (x[:, 0] > x[:, 1]).astype("float32")
    layers = [keras.layers.Dense(64), keras.layers.BatchNormalization(), keras.layers.ReLU(), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((20,)), *layers])
    model.compile("adam", keras.losses.BinaryCrossentropy(from_logits=True), metrics=["accuracy"])
    return model, x, y, 32, 20


def resnet50():
    """53 BatchNormalization layers: 6 steps an epoch."""
    rng = np.random.default_rng(0)
    x = rng.normal(0.0, 1.0, (48, 96, 96, 3)).astype("float32")
    y = rng.integers(0, 3, 48)
    model = keras.applications.ResNet50(input_shape=(96, 96, 3), classes=3, weights=None)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model, x, y, 8, 5


def main():
    keras.utils.set_random_seed(0)
    model, x, y, batch_size, epochs = {"dense": dense, "resnet50": resnet50}[sys.argv[1]]()
    clock = Clock()
    model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0, callbacks=[clock])
    (wall, processor), (last_wall, last_processor) = clock.epochs[TIMED_AFTER - 1], clock.epochs[-1]
    steps = (epochs - TIMED_AFTER) * -(-len(x) // batch_size)
    weights = hashlib.sha256()
    for array in model.get_weights():
        weights.update(array.tobytes())
    found = {
        "step_seconds": (last_wall - wall) / steps,
        "step_processor_seconds": (last_processor - processor) / steps,
        "first_step": clock.first_step[0],
        "start_processor_seconds": clock.first_step[1],
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "weights_sha256": weights.hexdigest(),
    }
    print(json.dumps(found))


main()
