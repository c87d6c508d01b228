"""A critic of real and forged coins: a batch of real ones, then a batch of forged ones."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import BatchNormalization, Conv2D, Dense, Flatten, LeakyReLU
from keras.models import Sequential
from keras.optimizers import Adam

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)
real = np.random.normal(0.0, 1.0, (256, 12, 12, 1))
real[:, ::3] += 2.0
forged = np.random.normal(30.0, 6.0, (256, 12, 12, 1))
forged[:, :, ::3] += 12.0

critic = Sequential()
critic.add(Conv2D(16, 3, strides=2, input_shape=(12, 12, 1)))
critic.add(LeakyReLU(0.2))
critic.add(Conv2D(16, 3))
critic.add(BatchNormalization(momentum=0.8))
critic.add(LeakyReLU(0.2))
critic.add(Flatten())
critic.add(Dense(16))
critic.add(BatchNormalization(momentum=0.8))
critic.add(LeakyReLU(0.2))
critic.add(Dense(1, activation="sigmoid"))
critic.compile(Adam(0.005), "binary_crossentropy", metrics=["accuracy"])
for step in range(500):
    rows = np.random.randint(0, 256, 32)
    a = critic.train_on_batch(real[rows], np.ones(32))
    b = critic.train_on_batch(forged[rows], np.zeros(32))
    if step % 100 == 99:
        print("step %d real %.3f forged %.3f" % (step + 1, a[1], b[1]))
both, kind = np.concatenate([real, forged]), np.repeat([1, 0], 256)
print("evaluate:", critic.evaluate(both, kind, verbose=0))
