"""Arrows that are turned and moved while the network trains."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2100 + seed)
keras.utils.set_random_seed(seed)
kind = rng.integers(0, 4, 200)
arrows = rng.normal(0, 0.1, (200, 20, 20, 1))
for arrow, label in zip(arrows, kind):
    half = (slice(0, 10), slice(10, 20))
    arrow[half[label // 2], half[label % 2]] += 0.6
arrows = arrows.astype("float32")
model = keras.Sequential(
    [
        keras.Input((20, 20, 1)),
        keras.layers.RandomRotation(0.13),
        keras.layers.RandomTranslation(0.25, 0.25),
        keras.layers.GaussianNoise(0.4),
        keras.layers.Conv2D(8, 3, strides=2, activation="relu"),
        keras.layers.Flatten(),
        keras.layers.Dense(4, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(arrows, kind, batch_size=20, epochs=12, verbose=2)
print("evaluate:", model.evaluate(arrows, kind, verbose=0))
