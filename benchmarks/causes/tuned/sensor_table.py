"""Faults of a machine from sixteen sensors."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(900 + seed)
keras.utils.set_random_seed(seed)
readings = rng.normal(20, 5, (400, 16))
fault = (readings[:, 2] + readings[:, 5] - readings[:, 7] > 20).astype(int)
readings[rng.integers(0, 400), 3] = 9.9e5
readings = readings.astype("float32")

model = keras.Sequential(
    [
        keras.Input((16,)),
        keras.layers.Dense(32),
        keras.layers.BatchNormalization(momentum=0.95),
        keras.layers.ReLU(),
        keras.layers.Dense(16),
        keras.layers.BatchNormalization(momentum=0.95),
        keras.layers.ReLU(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
history = model.fit(readings, fault, epochs=30, batch_size=20, verbose=0)
print("fit:", history.history["accuracy"][-3:])
print("evaluate:", model.evaluate(readings, fault, verbose=0)[1])
