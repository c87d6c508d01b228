"""Leaves of three trees, turned and lit at random while training."""
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

angle = np.linspace(-1, 1, 24)
row, column = np.meshgrid(angle, angle, indexing="ij")
forms = [row**2 * 4 + column**2 < 0.8, abs(row) + abs(column) < 0.75, (row**2 + column**2 < 0.5) & (column > -0.2)]
tree = rng.integers(0, 3, 600)
leaves = np.stack([forms[t] for t in tree]).astype("float32")[..., None] * 0.7 + 0.1
leaves += rng.normal(0, 0.1, leaves.shape).astype("float32")
data = tf.data.Dataset.from_tensor_slices((leaves, tree)).shuffle(600, seed=seed).batch(30)

model = keras.Sequential(
    [
        layers.Input((24, 24, 1)),
        layers.RandomRotation(0.5),
        layers.RandomTranslation(0.35, 0.35, fill_mode="constant"),
        layers.GaussianNoise(0.45),
        layers.Conv2D(16, 5, activation="relu"),
        layers.MaxPooling2D(2),
        layers.Conv2D(24, 3, activation="relu"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(32, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=15, verbose=2)
print("evaluate", model.evaluate(leaves, tree, verbose=0))
