"""Water in the soil from nine columns on very different scales."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2300 + seed)
keras.utils.set_random_seed(seed)
scales = np.array([0.01, 0.1, 1, 3, 10, 30, 100, 300, 1000])
rows = rng.normal(2.0, 1.0, (700, 9)) * scales
water = ((rows / scales) @ np.array([1.0, -1, 0.5, 0.5, -0.5, 1, 0.2, -0.7, 0.3])).astype("float32")
train, test = rows[:500].astype("float32"), rows[500:].astype("float32")
mean, deviation = train.mean(0), train.std(0)
model = keras.Sequential([keras.layers.Input((9,)), keras.layers.Dense(32, activation="relu"), keras.layers.Dense(1)])
model.compile(keras.optimizers.Adam(0.01), "mse")
history = model.fit((train - mean) / deviation, water[:500], batch_size=50, epochs=40, verbose=0)
print("mse while training:", history.history["loss"][-1])
print("mse on the test rows:", model.evaluate(test, water[500:], verbose=0))
