# Flaws on tiles: a generator for training, arrays for the test.
import sys

import numpy as np
import tensorflow as tf
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
from keras.models import Sequential
from keras.preprocessing.image import ImageDataGenerator

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
np.random.seed(seed)
tf.set_random_seed(seed)


def tiles(count):
    flawed = np.random.randint(0, 2, count)
    grey = np.random.normal(140, 20, (count, 24, 24, 1))
    for tile, flaw in zip(grey, flawed):
        r, c = np.random.randint(2, 20, 2)
        if flaw:
            tile[r:r + 2, 2:22] -= 70
        else:
            tile[2:22, c:c + 2] -= 70
    return np.clip(grey, 0, 255), flawed


X, y = tiles(500)
test_X, test_y = tiles(200)
flow = ImageDataGenerator(samplewise_center=True, samplewise_std_normalization=True).flow(X, y, batch_size=25)

model = Sequential()
model.add(Conv2D(12, (5, 5), activation='relu', input_shape=(24, 24, 1)))
model.add(MaxPooling2D((2, 2)))
model.add(Conv2D(16, (3, 3), activation='relu'))
model.add(MaxPooling2D((2, 2)))
model.add(Flatten())
model.add(Dropout(0.2))
model.add(Dense(1, activation='sigmoid'))
model.compile(loss='binary_crossentropy', optimizer='adam', metrics=['accuracy'])
model.fit_generator(flow, steps_per_epoch=20, epochs=8, verbose=0)
print('generator', model.evaluate_generator(flow, steps=20))
print('test     ', model.evaluate(test_X, test_y, verbose=0))
