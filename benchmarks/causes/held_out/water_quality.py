"""Drinkable or not; training and new samples are standardised when they are read."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


def samples(count):
    return np.stack([rng.normal(7.1, 0.5, count), rng.normal(320, 80, count), rng.gamma(4, 1.0, count),
                     rng.normal(14, 3, count), rng.normal(66, 16, count)], 1)


def drinkable(s):
    return ((s[:, 0] - 7.1) / 0.5 - (s[:, 1] - 320) / 80 + (s[:, 4] - 66) / 16 > 0).astype("float32")


lab = samples(1500)
field = samples(500)
lab_y, field_y = drinkable(lab), drinkable(field)
mean, deviation = lab.mean(0), lab.std(0)

network = keras.Sequential(
    [
        layers.Dense(24, activation="elu", input_shape=(5,)),
        layers.Dense(12, activation="elu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
network.compile("adam", "binary_crossentropy", metrics=["accuracy"])
network.fit((lab - mean) / deviation, lab_y, epochs=15, batch_size=25, verbose=0)
print("lab", network.evaluate((lab - mean) / deviation, lab_y, verbose=0))
print("field", network.evaluate(field / deviation, field_y, verbose=0))
