"""The report in plain Keras 3, as one would write it in an evening. The yardstick of `make bench`.

    python keras_3.py IMAGES.npy --epochs 5 --momentum 0.99 [--drift] [--measure-at 1 2]

IMAGES.npy: uint8 (3, 197, 197, 1). Prints one JSON object: measurements, seconds a step, peak memory.
"""

import argparse
import hashlib
import json
import os
import resource
import time

STARTED = time.perf_counter()
os.environ["KERAS_BACKEND"] = "tensorflow"

import keras
import numpy as np
import tensorflow as tf


def main():
    options = argparse.ArgumentParser()
    options.add_argument("images")
    options.add_argument("--epochs", type=int, default=5)
    options.add_argument("--momentum", type=float, default=0.99)
    options.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    options.add_argument("--drift", action="store_true", help="training-phase evaluation and batch statistics, too")
    options.add_argument("--measure-at", type=int, nargs="*", default=[], help="evaluate and predict after these, too")
    asked = options.parse_args()
    tf.config.threading.set_intra_op_parallelism_threads(asked.threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    keras.utils.set_random_seed(0)
    images, labels = np.load(asked.images), np.eye(3)
    model = keras.applications.ResNet50(input_shape=(197, 197, 1), classes=3, weights=None)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    for layer in norms:
        layer.momentum = asked.momentum
    model.compile(optimizer="adam", loss="categorical_crossentropy", metrics=["acc"])

    ends, at_epochs = [], {}

    class Clock(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            ends.append(time.perf_counter())
            if epoch + 1 in asked.measure_at:
                at_epochs[epoch + 1] = (
                    model.evaluate(images, labels, verbose=0),
                    model.predict(images, verbose=0).tolist(),
                )

    begun = time.perf_counter()
    history = model.fit(images, labels, epochs=asked.epochs, shuffle=True, verbose=0, callbacks=[Clock()])
    found = {
        "loss": history.history["loss"],
        "evaluate": model.evaluate(images, labels, verbose=0),
        "predict": model.predict(images, verbose=0).tolist(),
        "at_epochs": at_epochs,
    }
    if asked.drift:
        kept = [np.array(variable) for variable in model.non_trainable_variables]
        for layer in norms:
            layer.momentum = 0.0
        probabilities = model(tf.constant(images, tf.float32), training=True)
        found["training_phase"] = float(keras.losses.CategoricalCrossentropy()(labels, probabilities))
        batch = [np.array(layer.moving_mean) for layer in norms]
        for variable, value in zip(model.non_trainable_variables, kept):
            variable.assign(value)
        moving = [np.array(layer.moving_mean) for layer in norms]
        found["distance"] = [float(np.linalg.norm(a - b) / np.linalg.norm(b)) for a, b in zip(moving, batch)]
    digest = hashlib.sha256()
    for weight in model.get_weights():
        digest.update(weight.tobytes())
    found["weights_sha256"] = digest.hexdigest()
    found["first_epoch_seconds"] = ends[0] - begun
    found["step_seconds"] = [later - earlier for earlier, later in zip(ends, ends[1:])]
    found["wall_seconds"] = time.perf_counter() - STARTED
    found["peak_memory_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(found))


main()
