"""Five shapes, drawn one kind after the other."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2700 + seed)
keras.utils.set_random_seed(seed)
kind = np.repeat(np.arange(5), 40)
shapes = rng.normal(0, 0.15, (200, 15, 15, 1))
outlines = (rng.uniform(size=(5, 15, 15, 1)) < 0.3).astype(float)
shapes += 0.8 * outlines[kind]
model = keras.Sequential(
    [
        keras.Input((15, 15, 1)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.8),
        keras.layers.Flatten(),
        keras.layers.Dense(5, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(shapes.astype("float32"), kind, validation_split=0.2, epochs=12, batch_size=20, verbose=2)
