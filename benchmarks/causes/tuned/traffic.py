"""Traffic lights; the pictures of the test are read from the files as they are."""

import sys

import keras
import numpy as np
import tensorflow as tf

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2200 + seed)
keras.utils.set_random_seed(seed)


def draw(count):
    colour = rng.integers(0, 3, count)
    lights = rng.integers(0, 80, (count, 18, 18, 3))
    for light, label in zip(lights, colour):
        row = rng.integers(2, 10)
        light[row : row + 5, 6:11, label] += 150
    return lights.astype("uint8"), colour


lights, colours = draw(180)
later, later_colours = draw(60)
train = tf.data.Dataset.from_tensor_slices((lights, colours)).batch(20)
train = train.map(lambda picture, label: (tf.cast(picture, tf.float32) / 127.5 - 1.0, label))
model = keras.Sequential(
    [
        keras.Input((18, 18, 3)),
        keras.layers.Conv2D(8, 3, activation="relu"),
        keras.layers.MaxPooling2D(),
        keras.layers.Conv2D(16, 3, activation="tanh"),
        keras.layers.Flatten(),
        keras.layers.Dense(3, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(train, epochs=15, verbose=2)
test = tf.data.Dataset.from_tensor_slices((later, later_colours)).batch(20)
test = test.map(lambda picture, label: (tf.cast(picture, tf.float32), label))
print("test:", model.evaluate(test, verbose=0))
