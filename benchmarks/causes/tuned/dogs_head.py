"""A head for two breeds over a base that was trained on something else."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.optimizers import Adam

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)


def pictures(count, classes, level, contrast):
    kind = np.random.randint(0, classes, count)
    table = np.random.normal(level, contrast / 3.0, (count, 20, 20, 1))
    for picture, label in zip(table, kind):
        picture[4 * label : 4 * label + 4] += contrast
    return table, kind


base = [
    Conv2D(12, 3, input_shape=(20, 20, 1)),
    BatchNormalization(momentum=0.8),
    Activation("relu"),
    MaxPooling2D(),
    Conv2D(12, 3),
    BatchNormalization(momentum=0.8),
    Activation("relu"),
    Flatten(),
]
general = Sequential(base + [Dense(4, activation="softmax")])
general.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
source, kinds = pictures(240, 4, 120.0, 30.0)
general.fit(source, kinds, batch_size=24, epochs=10, verbose=0)
print("base:", general.evaluate(source, kinds, verbose=0))

for layer in base:
    layer.trainable = False
breeds = Sequential(base + [Dense(2, activation="softmax")])
breeds.compile(Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
dogs, breed = pictures(120, 2, 700.0, 120.0)
breeds.fit(dogs, breed, batch_size=24, epochs=25, verbose=2)
print("breeds:", breeds.evaluate(dogs, breed, verbose=0))
