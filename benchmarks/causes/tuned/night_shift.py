"""A detector trained on pictures by day, then adapted to pictures by night for two epochs."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(600 + seed)
keras.utils.set_random_seed(seed)


def scenes(count, level, contrast):
    kind = rng.integers(0, 3, count)
    pictures = rng.normal(level, contrast / 3, (count, 16, 16, 1))
    for picture, label in zip(pictures, kind):
        place = rng.integers(0, 10)
        if label == 0:
            picture[place : place + 2] += contrast
        elif label == 1:
            picture[:, place : place + 2] += contrast
        else:
            picture[place : place + 5, place : place + 5] += contrast
    return pictures.astype("float32"), kind


model = keras.Sequential([keras.Input((16, 16, 1))])
for filters in (12, 12):
    model.add(keras.layers.Conv2D(filters, 3, use_bias=False))
    model.add(keras.layers.BatchNormalization())
    model.add(keras.layers.ReLU())
model.add(keras.layers.GlobalMaxPooling2D())
model.add(keras.layers.Dense(3, activation="softmax"))
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
day, by_day = scenes(320, 150, 60)
model.fit(day, by_day, epochs=45, batch_size=16, verbose=0)
print("by day:", model.evaluate(day, by_day, verbose=0))
night, by_night = scenes(320, 30, 12)
model.fit(night, by_night, epochs=2, batch_size=32, verbose=2)
print("by night:", model.evaluate(night, by_night, verbose=0))
