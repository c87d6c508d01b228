"""Stages of sleep from strips of 32 values."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2000 + seed)
keras.utils.set_random_seed(seed)
stage = rng.integers(0, 4, 512)
strips = (6 + 2 * rng.normal(0, 1, (4, 32))[stage] + rng.normal(0, 1, (512, 32))).astype("float32")
model = keras.Sequential([keras.layers.Input((32,))])
for _ in range(4):
    model.add(keras.layers.Dropout(0.5))
    model.add(keras.layers.Dense(48))
    model.add(keras.layers.BatchNormalization(momentum=0.98))
    model.add(keras.layers.ReLU())
model.add(keras.layers.Dense(4, activation="softmax"))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(strips, stage, batch_size=32, epochs=40, verbose=0)
print("evaluate:", model.evaluate(strips, stage, verbose=0))
