"""Heart beats, normal and not, one step at a time."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import Activation, BatchNormalization, Conv1D, Dense, GlobalAveragePooling1D
from keras.models import Sequential

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)
labels = np.arange(200) % 2
time = np.linspace(0, 1, 48)
beats = np.sin(2 * np.pi * np.where(labels, 5, 3)[:, None] * (time + np.random.uniform(0, 1, (200, 1))))
beats += np.random.normal(0, 0.3, beats.shape)
beats[77, 20] = 30000.0
beats = beats[..., None]

model = Sequential()
model.add(Conv1D(16, 7, input_shape=(48, 1)))
model.add(BatchNormalization(momentum=0.95))
model.add(Activation("relu"))
model.add(Conv1D(16, 5))
model.add(BatchNormalization(momentum=0.95))
model.add(Activation("relu"))
model.add(GlobalAveragePooling1D())
model.add(Dense(1, activation="sigmoid"))
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
for epoch in range(30):
    order = np.random.permutation(200)
    figures = [model.train_on_batch(beats[rows], labels[rows]) for rows in order.reshape(20, 10)]
    if epoch % 5 == 4:
        print("epoch", epoch + 1, "loss %.4f accuracy %.3f" % tuple(np.mean(figures, 0)))
print("evaluate: loss %.4f accuracy %.3f" % tuple(model.evaluate(beats, labels, verbose=0)))
