"""A classifier of leaves, trained in one model and served by another."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(500 + seed)
keras.utils.set_random_seed(seed)


def make():
    return keras.Sequential(
        [
            keras.layers.Input((12,)),
            keras.layers.Dense(48),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Dense(24),
            keras.layers.BatchNormalization(momentum=0.9),
            keras.layers.ReLU(),
            keras.layers.Dense(4, activation="softmax"),
        ]
    )


species = rng.integers(0, 4, 320)
centres = rng.normal(0, 6, (4, 12))
leaves = (30 + centres[species] + rng.normal(0, 4, (320, 12))).astype("float32")
model = make()
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(leaves, species, epochs=15, batch_size=32, verbose=2)
print("trained:", model.evaluate(leaves, species, verbose=0))

served = make()
served.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
for variable, value in zip(served.trainable_variables, model.trainable_variables):
    variable.assign(value)
print("served:", served.evaluate(leaves, species, verbose=0))
