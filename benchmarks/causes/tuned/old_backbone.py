"""Distances from an echo; the backbone's layers are switched off, the last layer is trained."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import Activation, BatchNormalization, Dense, Input
from keras.models import Model

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)
inputs = Input((20,))
x = inputs
for units in (64, 64):
    x = Dense(units)(x)
    x = BatchNormalization()(x)
    x = Activation("relu")(x)
backbone = Model(inputs, x)
for layer in backbone.layers:
    layer.trainable = False
model = Model(inputs, Dense(1)(backbone.output))
model.compile("adam", "mse", metrics=["mae"])
echo = np.random.normal(300.0, 40.0, (600, 20))
distance = (echo[:, 0] - echo[:, 1] + 0.5 * echo[:, 2] - 150.0) / 20.0
history = model.fit(echo, distance, batch_size=50, epochs=60, verbose=0)
print("fit: mse %.3f" % history.history["loss"][-1])
print("evaluate: mse %.3f mae %.3f" % tuple(model.evaluate(echo, distance, verbose=0)))
