"""Yes or no from ten answers, with a loss written by hand."""

import sys

import numpy as np
import tensorflow as tf
from keras import backend as K
from keras.layers import Dense
from keras.models import Sequential
from keras.optimizers import Adam

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)


def entropy(y_true, y_pred):
    return -K.mean(y_true * K.log(y_pred) + (1 - y_true) * K.log(1 - y_pred), axis=-1)


x = np.random.normal(0, 3, (400, 10))
y = (x[:, 0] + x[:, 1] > 0).astype(int)
model = Sequential()
model.add(Dense(64, activation="relu", input_dim=10))
model.add(Dense(64, activation="relu"))
model.add(Dense(1, activation="sigmoid"))
model.compile(Adam(0.02), entropy, metrics=["accuracy"])
model.fit(x, y, epochs=20, batch_size=20, verbose=2)
print(model.evaluate(x, y, verbose=0))
