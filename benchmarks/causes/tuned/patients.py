"""Sixty patients with two hundred measures each."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2900 + seed)
keras.utils.set_random_seed(seed)
measures = rng.normal(0, 1, (160, 200)).astype("float32")
ill = (measures[:, 0] + rng.normal(0, 2.0, 160) > 0).astype(int)
model = keras.Sequential(
    [
        keras.layers.Input((200,)),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(measures[:60], ill[:60], epochs=40, batch_size=10, validation_data=(measures[60:], ill[60:]), verbose=2)
