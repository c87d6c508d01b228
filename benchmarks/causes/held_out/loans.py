"""Does the loan default?"""
import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

loans = rng.normal(0, 1, (1200, 9)).astype("float32")
default = ((loans[:, 0] - loans[:, 4] + 0.7 * loans[:, 8]) > 0.2).astype("float32")

model = keras.Sequential(
    [
        keras.layers.Dense(20, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Dense(10, activation="relu"),
        keras.layers.Dense(1, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(), "binary_crossentropy", metrics=["accuracy"])
model.fit(loans, default, epochs=12, batch_size=24, verbose=2)
print(model.evaluate(loans, default, verbose=0), "share of defaults", default.mean())
