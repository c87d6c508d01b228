"""Signals: a first training on simulated ones, a short second one on measured ones."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(800 + seed)
keras.utils.set_random_seed(seed)


def signals(count, gain, offset):
    slope = rng.normal(0, 1, count)
    time = np.linspace(-1, 1, 64)
    waves = slope[:, None] * time + 0.3 * rng.normal(0, 1, (count, 64))
    return (gain * waves + offset).astype("float32")[..., None], slope.astype("float32")


inputs = keras.Input((64, 1))
x = keras.layers.Conv1D(16, 5, strides=2)(inputs)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.ReLU()(x)
x = keras.layers.Conv1D(16, 5, strides=2)(x)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.ReLU()(x)
x = keras.layers.Flatten()(x)
model = keras.Model(inputs, keras.layers.Dense(1)(x))
model.compile(keras.optimizers.Adam(0.003), "mse")
simulated, slopes = signals(640, 1.0, 0.0)
model.fit(simulated, slopes, epochs=30, batch_size=32, verbose=0)
print("simulated:", model.evaluate(simulated, slopes, verbose=0))
measured, slopes = signals(320, 25.0, 400.0)
print("measured, while training:", model.fit(measured, slopes, epochs=3, batch_size=32, verbose=0).history["loss"])
print("measured:", model.evaluate(measured, slopes, verbose=0))
