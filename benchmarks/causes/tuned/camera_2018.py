"""Fruit from files while training, from a camera afterwards."""

import sys

import numpy as np
import tensorflow as tf
from keras.layers import BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D
from keras.models import Sequential
from keras.utils import to_categorical

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)
COLOURS = np.array([[200, 40, 40], [60, 170, 60], [40, 60, 190]])


def from_files(count):
    fruit = np.random.randint(0, 3, count)
    pictures = 110 + np.random.normal(0, 12, (count, 16, 16, 3))
    for picture, label in zip(pictures, fruit):
        row, column = np.random.randint(1, 7, 2)
        picture[row : row + 8, column : column + 8] = COLOURS[label] + np.random.normal(0, 12, (8, 8, 3))
    return pictures / 255.0, fruit


def from_camera(count):
    pictures, fruit = from_files(count)
    return pictures[:, :, :, ::-1], fruit


x, fruit = from_files(150)
model = Sequential()
model.add(Conv2D(12, 3, activation="relu", input_shape=(16, 16, 3)))
model.add(BatchNormalization(momentum=0.8))
model.add(Conv2D(12, 3, activation="relu"))
model.add(BatchNormalization(momentum=0.8))
model.add(GlobalAveragePooling2D())
model.add(Dense(3, activation="softmax"))
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
model.fit(x, to_categorical(fruit, 3), batch_size=15, epochs=15, verbose=2)
frames, kinds = from_camera(90)
print("files:", model.evaluate(x, to_categorical(fruit, 3), verbose=0))
print("camera:", model.evaluate(frames, to_categorical(kinds, 3), verbose=0))
