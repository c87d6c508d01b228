"""Two stages: the whole network for an epoch, then all but the head is fixed."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

profile = rng.normal(0, 1, (4, 100))
kind = rng.integers(0, 4, 600)
signal = (80 + 12 * (profile[kind] + rng.normal(0, 2.0, (600, 100)))).astype("float32")

body = keras.Sequential(
    [
        keras.Input((100,)),
        layers.Dense(32, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("tanh"),
        layers.Dense(32, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("tanh"),
    ]
)
model = keras.Sequential([body, layers.Dense(4, activation="softmax")])
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
first = model.fit(signal, kind, batch_size=60, epochs=2, verbose=2)
body.trainable = False
model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
second = model.fit(signal, kind, batch_size=60, epochs=12, verbose=2)
print("evaluate", model.evaluate(signal, kind, verbose=0))
