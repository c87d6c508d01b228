"""Textures under a light between a candle and the sun, one picture at a time."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1100 + seed)
keras.utils.set_random_seed(seed)
labels = rng.integers(0, 2, 120)
light = 10 ** rng.uniform(0, 3, 120)
pictures = rng.normal(1, 0.1, (120, 20, 20, 1))
pictures[labels == 1, ::4] += 0.5
pictures[labels == 0, :, ::4] += 0.5
pictures *= light[:, None, None, None]
pictures = pictures.astype("float32")

inputs = keras.Input((20, 20, 1))
x = inputs
for filters in (12, 12):
    x = keras.layers.Conv2D(filters, 4, use_bias=False)(x)
    x = keras.layers.BatchNormalization(momentum=0.98)(x)
    x = keras.layers.ReLU()(x)
x = keras.layers.GlobalAveragePooling2D()(x)
model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(pictures, labels, epochs=10, batch_size=1, verbose=2)
print("evaluate:", model.evaluate(pictures, labels, verbose=0))
