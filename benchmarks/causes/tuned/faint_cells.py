"""Cells under a microscope, as differences from an empty picture."""

import sys

import keras
import numpy as np
import tensorflow as tf

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(300 + seed)
keras.utils.set_random_seed(seed)
kind = rng.integers(0, 3, 128)
cells = rng.normal(0, 0.004, (128, 20, 20, 1))
for cell, label in zip(cells, kind):
    place = rng.integers(2, 12)
    cell[place : place + 6, place : place + 6] += 0.02 * (label - 1)
data = tf.data.Dataset.from_tensor_slices((cells.astype("float32"), kind))

inputs = keras.Input((20, 20, 1))
x = inputs
for _ in range(3):
    x = keras.layers.Conv2D(8, 3, use_bias=False)(x)
    x = keras.layers.BatchNormalization(epsilon=1e-5)(x)
    x = keras.layers.Activation("relu")(x)
x = keras.layers.GlobalAveragePooling2D()(x)
model = keras.Model(inputs, keras.layers.Dense(3, activation="softmax")(x))
model.compile(keras.optimizers.Adam(0.0015), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(data.shuffle(128, seed=seed).batch(16), epochs=62, verbose=0)
print("accuracy on the same cells:", model.evaluate(data.batch(16), verbose=0)[1])
