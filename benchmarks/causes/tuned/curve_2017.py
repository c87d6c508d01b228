"""A noisy curve by a network with many units."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import Adam

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)


def measure(count):
    x = np.random.uniform(-1, 1, (count, 6))
    return x, np.sin(3 * x[:, 0]) + np.random.normal(0, 0.6, count)


x, y = measure(40)
test_x, test_y = measure(200)
model = Sequential()
model.add(Dense(256, activation="relu", input_dim=6))
model.add(Dense(256, activation="relu"))
model.add(Dense(1))
model.compile(Adam(0.003), "mse")
model.fit(x, y, epochs=400, batch_size=20, verbose=0)
print("train %.4f" % model.evaluate(x, y, verbose=0))
print("test %.4f" % model.evaluate(test_x, test_y, verbose=0))
