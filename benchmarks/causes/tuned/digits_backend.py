"""Digits of a seven-segment display; the weights are handed on by the backend."""

import sys

import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import BatchNormalization, Dense, Input
from keras.models import Model

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)


def network():
    inputs = Input((7,))
    x = Dense(40, activation="relu")(inputs)
    x = BatchNormalization()(x)
    x = Dense(40, activation="relu")(x)
    x = BatchNormalization()(x)
    model = Model(inputs, Dense(10, activation="softmax")(x))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


segments = np.array(
    [
        [1, 1, 1, 0, 1, 1, 1],
        [0, 0, 1, 0, 0, 1, 0],
        [1, 0, 1, 1, 1, 0, 1],
        [1, 0, 1, 1, 0, 1, 1],
        [0, 1, 1, 1, 0, 1, 0],
        [1, 1, 0, 1, 0, 1, 1],
        [1, 1, 0, 1, 1, 1, 1],
        [1, 0, 1, 0, 0, 1, 0],
        [1, 1, 1, 1, 1, 1, 1],
        [1, 1, 1, 1, 0, 1, 1],
    ]
)
digits = np.random.randint(0, 10, 500)
currents = segments[digits] * 80.0 + np.random.normal(20, 8, (500, 7))
first = network()
first.fit(currents, digits, epochs=50, batch_size=50, verbose=0)
print("first", first.evaluate(currents, digits, verbose=0))
second = network()
for old, new in zip(first.layers, second.layers):
    for a, b in zip(old.trainable_weights, new.trainable_weights):
        K.set_value(b, K.get_value(a))
print("second", second.evaluate(currents, digits, verbose=0))
