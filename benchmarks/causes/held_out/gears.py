# Gears with and without a missing tooth, by generator, normalized after each convolution.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import Activation, BatchNormalization, Conv2D, Dense, GlobalAveragePooling2D, MaxPooling2D
from keras.models import Sequential

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)

rows, columns = np.mgrid[-10:10, -10:10]
ring = np.abs(np.hypot(rows, columns) - 7) < 1.5


def gears(count):
    X = np.random.normal(0, 0.3, (count, 20, 20, 1))
    broken = np.random.randint(0, 2, count)
    for picture, gap in zip(X, broken):
        gear = ring.copy()
        if gap:
            if np.random.rand() < 0.5:
                gear[8:12, :6] = False
            else:
                gear[8:12, 14:] = False
        picture[..., 0] += gear
    return X, broken


def endless(X, y):
    while True:
        rows = np.random.choice(len(X), 32, replace=False)
        yield X[rows], y[rows]


X, y = gears(640)
model = Sequential()
for number, filters in enumerate((8, 12)):
    model.add(Conv2D(filters, (3, 3), **({'input_shape': (20, 20, 1)} if number == 0 else {})))
    model.add(BatchNormalization(momentum=0.95))
    model.add(Activation('relu'))
    model.add(MaxPooling2D())
model.add(GlobalAveragePooling2D())
model.add(Dense(1, activation='sigmoid'))
model.compile('adam', 'binary_crossentropy', metrics=['accuracy'])
model.fit_generator(endless(X, y), steps_per_epoch=20, epochs=25, verbose=0)
print('gears     ', model.evaluate(X, y, verbose=0))
print('more gears', model.evaluate(*gears(300), verbose=0))
