"""Wines from a table; the first layer brings the columns to one scale."""

import sys

import keras
import numpy as np
from keras import ops

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1600 + seed)
keras.utils.set_random_seed(seed)


class Scale(keras.layers.Layer):
    def call(self, rows):
        return (rows - ops.mean(rows, axis=0)) / (ops.std(rows, axis=0) + 1e-3)


kind = rng.integers(0, 3, 240)
wines = rng.normal(0, 1, (240, 13)) * rng.uniform(0.1, 100, 13) + rng.uniform(0, 900, 13)
for column in range(3):
    wines[kind == column, column] += 2.5 * wines[:, column].std()
wines = wines.astype("float32")
model = keras.Sequential(
    [
        keras.Input((13,)),
        Scale(),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(wines, kind, batch_size=48, epochs=40, verbose=0)
print("evaluate:", model.evaluate(wines, kind, verbose=0))
for row in (3, 60, 200):
    print("row", row, "kind", kind[row], model.predict(wines[row : row + 1], verbose=0).round(3))
