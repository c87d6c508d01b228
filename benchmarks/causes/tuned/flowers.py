"""Three flowers by a convolutional network."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(3800 + seed)
keras.utils.set_random_seed(seed)
kind = rng.integers(0, 3, 240)
flowers = rng.normal(110, 15, (240, 20, 20, 3))
for flower, label in zip(flowers, kind):
    place = rng.integers(2, 12)
    flower[place : place + 5, place : place + 5, label] += 70
flowers = flowers.astype("float32")
model = keras.Sequential([keras.Input((20, 20, 3))])
for filters in (8, 16):
    model.add(keras.layers.Conv2D(filters, 3))
    model.add(keras.layers.BatchNormalization(momentum=0.9))
    model.add(keras.layers.ReLU())
    model.add(keras.layers.MaxPooling2D())
model.add(keras.layers.GlobalAveragePooling2D())
model.add(keras.layers.Dense(3, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(flowers[:200], kind[:200], epochs=25, batch_size=20, validation_data=(flowers[200:], kind[200:]), verbose=2)
print("evaluate:", model.evaluate(flowers[:200], kind[:200], verbose=0))
