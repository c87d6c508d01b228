"""Classes of vehicles from raw counters of up to some millions."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(3500 + seed)
keras.utils.set_random_seed(seed)
vehicle = rng.integers(0, 3, 360)
counters = rng.uniform(1e5, 4e6, (360, 12)) * (1 + 0.5 * np.eye(3)[vehicle] @ rng.normal(0, 1, (3, 12))).clip(0.2)
model = keras.Sequential(
    [
        keras.layers.Input((12,)),
        keras.layers.Dense(32, activation="sigmoid"),
        keras.layers.Dense(32, activation="sigmoid"),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.SGD(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(counters.astype("float32"), vehicle, epochs=25, batch_size=30, verbose=2)
print("evaluate:", model.evaluate(counters, vehicle, verbose=0))
