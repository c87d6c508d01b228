"""Spam or not from word counts."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(3100 + seed)
keras.utils.set_random_seed(seed)
spam = rng.integers(0, 2, 500)
words = rng.poisson(np.where(spam[:, None], 3.0, 1.0), (500, 20)).astype("float32")
model = keras.Sequential(
    [
        keras.Input((20,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="softmax"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(words, spam, epochs=20, batch_size=25, verbose=2)
print("evaluate:", model.evaluate(words, spam, verbose=0))
