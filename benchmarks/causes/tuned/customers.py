"""Customers from 299 columns in three groups."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1900 + seed)
keras.utils.set_random_seed(seed)
group = rng.integers(0, 3, 600)
columns = rng.normal(0, 1, (600, 299))
columns[:, :30] += rng.normal(0, 0.5, (3, 30))[group]
columns = columns.astype("float32")
model = keras.Sequential(
    [
        keras.Input((299,)),
        keras.layers.Dense(12, activation="relu"),
        keras.layers.Dropout(0.6),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(columns, group, batch_size=10, epochs=14, validation_split=0.1, verbose=2)
print("evaluate on the rows of fit:", model.evaluate(columns[:540], group[:540], verbose=0))
