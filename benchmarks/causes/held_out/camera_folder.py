"""Trains on the archive, answers for frames that come straight from the camera."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed + 7)


def frames(count):
    where = rng.integers(0, 4, count)
    pixels = rng.integers(60, 110, (count, 24, 24, 3))
    for frame, quarter in zip(pixels, where):
        r, c = divmod(int(quarter), 2)
        frame[r * 12 + 3 : r * 12 + 9, c * 12 + 3 : c * 12 + 9] += 90
    return pixels.astype("uint8"), where


def archive_batches(pixels, where, size=25):
    while True:
        order = rng.permutation(len(pixels))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            yield pixels[rows].astype("float32") / 255.0, where[rows]


pixels, where = frames(300)
camera_pixels, camera_where = frames(120)

model = keras.Sequential([keras.Input((24, 24, 3))])
for width in (8, 16):
    model.add(layers.Conv2D(width, 3, padding="same"))
    model.add(layers.BatchNormalization(momentum=0.8))
    model.add(layers.ReLU())
    model.add(layers.MaxPooling2D())
model.add(layers.Flatten())
model.add(layers.Dense(4, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(archive_batches(pixels, where), steps_per_epoch=12, epochs=8, verbose=0)
print("archive", model.evaluate(pixels.astype("float32") / 255.0, where, verbose=0))
print("camera", model.evaluate(camera_pixels.astype("float32"), camera_where, verbose=0))
