"""A base that was trained before, frozen, with a new head on pictures like those before."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(4600 + seed)
keras.utils.set_random_seed(seed)


def draw(count, kinds):
    kind = rng.integers(0, kinds, count)
    pictures = rng.normal(100, 12, (count, 16, 16, 1))
    for picture, label in zip(pictures, kind):
        picture[4 * (label % 4) : 4 * (label % 4) + 4, 8 * (label // 4) : 8 * (label // 4) + 8] += 60
    return pictures.astype("float32"), kind


base = keras.Sequential([keras.layers.Input((16, 16, 1))])
base.add(keras.layers.Conv2D(12, 3, use_bias=False))
base.add(keras.layers.BatchNormalization(momentum=0.9))
base.add(keras.layers.ReLU())
base.add(keras.layers.Flatten())
first = keras.Sequential([base, keras.layers.Dense(8, activation="softmax")])
first.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
first.fit(*draw(320, 8), epochs=8, batch_size=32, verbose=0)
base.trainable = False
second = keras.Sequential([base, keras.layers.Dense(3, activation="softmax")])
second.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
x, y = draw(150, 3)
second.fit(x, y, epochs=12, batch_size=30, verbose=2)
print("evaluate:", second.evaluate(x, y, verbose=0))
