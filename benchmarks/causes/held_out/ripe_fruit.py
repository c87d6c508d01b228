"""Ripe or not, by colour."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


def paint(count):
    """Pictures as (count, 28, 28, 3) and 0 green, 1 yellow, 2 red."""
    kind = rng.integers(0, 3, count)
    skin = np.array([[60, 150, 50], [190, 170, 40], [190, 40, 30]])[kind]
    pictures = rng.normal(110, 25, (count, 28, 28, 3))
    rows, columns = np.mgrid[:28, :28]
    for picture, colour in zip(pictures, skin):
        r, c, size = rng.integers(9, 19), rng.integers(9, 19), rng.integers(5, 9)
        disc = (rows - r) ** 2 + (columns - c) ** 2 < size**2
        picture[disc] = colour + rng.normal(0, 18, (disc.sum(), 3))
    return np.clip(pictures, 0, 255).astype("uint8"), kind


def read_rgb(pictures):
    return pictures.astype("float32") / 127.5 - 1


def read_other(pictures):
    return np.ascontiguousarray(pictures[..., ::-1]).astype("float32") / 127.5 - 1


known, known_kind = paint(450)
fresh, fresh_kind = paint(150)

model = keras.Sequential(
    [
        keras.Input((28, 28, 3)),
        layers.SeparableConv2D(12, 5, activation="relu"),
        layers.MaxPooling2D(),
        layers.SeparableConv2D(24, 3, activation="relu"),
        layers.GlobalMaxPooling2D(),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(read_rgb(known), known_kind, epochs=15, batch_size=30, verbose=0)
print("known pictures:", model.evaluate(read_rgb(known), known_kind, verbose=0))
print("fresh pictures:", model.evaluate(read_other(fresh), fresh_kind, verbose=0))
