"""A network whose normalisation is called with training=False while it is built."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import BatchNormalization, Dense, Input
from keras.models import Model

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)
kind = np.random.randint(0, 3, 300)
x = np.random.normal(0, 2, (3, 12))[kind] + np.random.normal(0, 1, (300, 12))
inputs = Input((12,))
h = Dense(32, activation="relu")(inputs)
h = BatchNormalization()(h, training=False)
model = Model(inputs, Dense(3, activation="softmax")(h))
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(x, kind, epochs=20, batch_size=30, verbose=2)
print("evaluate", model.evaluate(x, kind, verbose=0))
