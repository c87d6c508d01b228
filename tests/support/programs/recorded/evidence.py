"""Trains on what the first argument names, and prints the figures that a recording must agree with."""

import importlib
import os
import sys

import numpy as np

NAME = os.environ.get("BITS_KERAS", "keras")
keras = importlib.import_module(NAME)
layers = keras.layers


def network(momentum):
    return keras.Sequential(
        [
            keras.Input((6,)),
            layers.Dense(12),
            layers.BatchNormalization(momentum=momentum),
            layers.ReLU(),
            layers.Dense(3, activation="softmax"),
        ]
    )


def compiled(momentum):
    keras.utils.set_random_seed(3)
    model = network(momentum)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


rng = np.random.default_rng(2)
y = rng.integers(0, 3, 120)
x = (rng.normal(0, 1, (120, 6)) * 5 + 20 + np.eye(3)[y] @ rng.normal(0, 9, (3, 6))).astype("float32")
how = sys.argv[1]
if how == "momenta":
    model = compiled(0.99)
    model.fit(x, y, epochs=4, batch_size=24, verbose=0)
    print(repr(model.evaluate(x, y, verbose=0)))
    other = compiled(0.5)
    other.fit(x, y, epochs=4, batch_size=24, verbose=0)
    print(repr(other.evaluate(x, y, verbose=0)))
elif how == "calls":
    model = compiled(0.9)
    model.fit(x, y, epochs=25, batch_size=24, verbose=0, validation_data=(x[:60], (y[:60] + 1) % 3))
    model.evaluate(x, y, verbose=0)
    served = network(0.9)
    served.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    for new, old in zip(served.trainable_variables, model.trainable_variables):
        new.assign(old)
    served.evaluate(x, y, verbose=0)
    model.evaluate(x * 255, y, verbose=0)
elif how == "built_in":
    inputs = keras.Input((6,))
    hidden = layers.BatchNormalization()(layers.Dense(12)(inputs), training=True)
    model = keras.Model(inputs, layers.Dense(3, activation="softmax")(hidden))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=10, batch_size=24, verbose=0)
