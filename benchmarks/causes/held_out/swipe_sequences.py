"""Gestures on a touch screen: sequences of any length, one in each step."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


def gesture(kind):
    time = np.linspace(0, 1, 40)
    path = np.stack([np.sin(2 * np.pi * (kind + 1) * time), np.cos(2 * np.pi * (kind + 1) * time)], 1)
    path = path + rng.normal(0, 0.25, path.shape)
    return path * np.exp(rng.uniform(-2.5, 2.5)) + rng.uniform(-8, 8, 2)


kinds = rng.integers(0, 3, 120)
paths = np.stack([gesture(kind) for kind in kinds]).astype("float32")

model = keras.Sequential(
    [
        keras.Input((None, 2)),
        layers.BatchNormalization(momentum=0.97),
        layers.Conv1D(24, 7, activation="relu"),
        layers.Conv1D(24, 7, activation="relu"),
        layers.GlobalMaxPooling1D(),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
order = np.arange(120)
for epoch in range(16):
    rng.shuffle(order)
    results = [model.train_on_batch(paths[i : i + 1], kinds[i : i + 1], return_dict=True) for i in order]
    if epoch % 5 == 0:
        print("epoch", epoch, "loss %.3f accuracy %.3f" % (results[-1]["loss"], results[-1]["accuracy"]))
print("evaluate", model.evaluate(paths, kinds, verbose=0))
