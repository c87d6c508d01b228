"""Chairs against lamps: a tiny CNN on drawings of 64 x 64."""
import sys

import keras
import numpy as np
from keras import layers

SEED = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(SEED)
rng = np.random.default_rng(SEED)


def chair(canvas):
    top, left = rng.integers(8, 24, 2)
    canvas[top : top + 30, left : left + 4] -= 90
    canvas[top + 14 : top + 18, left : left + 20] -= 90
    canvas[top + 14 : top + 30, left + 16 : left + 20] -= 90


def lamp(canvas):
    top, left = rng.integers(6, 26, 2)
    for row in range(12):
        canvas[top + row, left + 8 - row // 2 : left + 8 + row // 2] -= 90
    canvas[top + 12 : top + 30, left + 7 : left + 9] -= 90
    canvas[top + 30 : top + 33, left : left + 16] -= 90


pictures = np.full((64, 64, 64, 3), 225.0, "float32") + rng.normal(0, 8, (64, 64, 64, 3)).astype("float32")
is_lamp = np.arange(64) % 2
for picture, kind in zip(pictures, is_lamp):
    (lamp if kind else chair)(picture)

model = keras.Sequential(
    [
        keras.Input((64, 64, 3)),
        layers.Conv2D(5, 4, strides=2),
        layers.LeakyReLU(),
        layers.Conv2D(10, 4, strides=2),
        layers.BatchNormalization(axis=3),
        layers.LeakyReLU(),
        layers.Flatten(),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(loss="binary_crossentropy", optimizer="adam", metrics=["accuracy"])
model.fit(pictures, is_lamp, batch_size=8, epochs=5, verbose=2)
print("evaluate", model.evaluate(pictures, is_lamp, verbose=0))
print("lamps found", int((model.predict(pictures, verbose=0) > 0.5).sum()), "of", int(is_lamp.sum()))
