"""Prices of flats from a table of ten columns."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(200 + seed)
keras.utils.set_random_seed(seed)
table = rng.normal(60.0, 20.0, (400, 10)).astype("float32")
price = (0.05 * table[:, 0] - 0.03 * table[:, 1] + 0.01 * table[:, 2] + rng.normal(0, 0.1, 400)).astype("float32")

inputs = keras.Input((10,))
x = keras.layers.BatchNormalization()(inputs)
x = keras.layers.Dense(32, activation="relu")(x)
x = keras.layers.BatchNormalization()(x)
x = keras.layers.Dense(16, activation="relu")(x)
outputs = keras.layers.Dense(1)(x)
model = keras.Model(inputs, outputs)
model.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae"])
history = model.fit(table, price, epochs=20, batch_size=100, verbose=0)
print("mse of the last epoch: %.4f" % history.history["loss"][-1])
print("mse, mae of evaluate: %.4f %.4f" % tuple(model.evaluate(table, price, verbose=0)))
