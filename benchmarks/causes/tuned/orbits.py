"""Positions of planets in kilometres by a regression."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(3700 + seed)
keras.utils.set_random_seed(seed)
time = rng.uniform(0, 365, (400, 3)).astype("float32")
position = (1.5e5 * np.sin(time[:, :1] * 2 * np.pi / 365) + 100 * time[:, 1:2]).astype("float32")
inputs = keras.Input((3,))
x = keras.layers.Dense(32, activation="relu")(inputs)
x = keras.layers.Dense(32, activation="relu")(x)
model = keras.Model(inputs, keras.layers.Dense(1)(x))
model.compile(keras.optimizers.SGD(0.01), "mse")
model.fit(time, position, epochs=10, batch_size=20, verbose=2)
print("evaluate:", model.evaluate(time, position, verbose=0))
