"""Textures under changing light, two pictures at a time."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1100 + seed)
keras.utils.set_random_seed(seed)
labels = rng.integers(0, 2, 120)
light = rng.uniform(10, 245, 120)
pictures = light[:, None, None, None] + rng.normal(0, 4, (120, 20, 20, 1))
pictures[labels == 1, ::4] += 16
pictures[labels == 0, :, ::4] += 16
pictures = pictures.astype("float32")

inputs = keras.Input((20, 20, 1))
x = inputs
for filters in (12, 12):
    x = keras.layers.Conv2D(filters, 4, use_bias=False)(x)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.ReLU()(x)
x = keras.layers.GlobalAveragePooling2D()(x)
x = keras.layers.BatchNormalization()(x)
model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(pictures, labels, epochs=25, batch_size=2, verbose=2)
print("evaluate:", model.evaluate(pictures, labels, verbose=0))
