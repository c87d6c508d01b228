"""Regression in two stages: a careful first one, then a few large steps to come out of the plateau."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

field = rng.uniform(-2, 2, (2000, 6)).astype("float32")
force = (np.sin(2 * field[:, 0]) + field[:, 1] * field[:, 2] - 0.5 * field[:, 3] ** 2).astype("float32")

model = keras.Sequential()
model.add(layers.InputLayer((6,)))
for units in (64, 64, 64):
    model.add(layers.Dense(units, kernel_initializer="he_normal"))
    model.add(layers.BatchNormalization())
    model.add(layers.Activation("relu"))
model.add(layers.Dense(1))

model.compile(keras.optimizers.SGD(1e-4), "mse")
model.fit(field, force, batch_size=32, epochs=12, verbose=0)
print("after the careful stage:", model.evaluate(field, force, verbose=0))
model.compile(keras.optimizers.Adam(5e-2), "mse")
last = model.fit(field, force, batch_size=250, epochs=3, verbose=0)
print("after the large steps: fit", last.history["loss"][-1], "evaluate", model.evaluate(field, force, verbose=0))
