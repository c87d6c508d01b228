"""Soil spectra of six crops, the last part of the file kept for validation."""
import argparse

import numpy as np
import tensorflow as tf
import tf_keras
from tf_keras import layers

parser = argparse.ArgumentParser()
parser.add_argument("seed", nargs="?", type=int, default=0)
seed = parser.parse_args().seed
tf_keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

crops = ["barley", "beet", "maize", "oats", "rape", "wheat"]
centres = rng.normal(0, 1.2, (6, 30))
rows, names = [], []
for number, crop in enumerate(crops):
    rows.append(centres[number] + rng.normal(0, 0.8, (80, 30)))
    names += [number] * 80
spectra = np.concatenate(rows).astype("float32")
target = tf_keras.utils.to_categorical(names, 6)

everything = tf.data.Dataset.from_tensor_slices((spectra, target))
training = everything.take(384).shuffle(384, seed=seed).batch(24)
validation = everything.skip(384).batch(24)

model = tf_keras.Sequential(
    [
        layers.Dense(64, activation="relu", input_shape=(30,)),
        layers.Dense(32, activation="relu"),
        layers.Dense(6, activation="softmax"),
    ]
)
model.compile(optimizer="rmsprop", loss="categorical_crossentropy", metrics=["accuracy"])
history = model.fit(training, validation_data=validation, epochs=15, verbose=0)
for key, values in history.history.items():
    print("%-14s %.3f -> %.3f" % (key, values[0], values[-1]))
