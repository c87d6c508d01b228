"""Road signs, rendered and photographed; every step is one batch of either."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)
signs = rng.normal(0, 1, (5, 14, 14, 1))


def rendered(count):
    kind = rng.integers(0, 5, count)
    return (0.9 + 0.05 * (signs[kind] + rng.normal(0, 0.5, (count, 14, 14, 1)))).astype("float32"), kind


def photographed(count):
    kind = rng.integers(0, 5, count)
    return (-4.0 + 2.5 * (signs[kind] + rng.normal(0, 0.8, (count, 14, 14, 1)))).astype("float32"), kind


picture = layers.Input((14, 14, 1))
x = layers.Conv2D(16, 3, use_bias=False)(picture)
x = layers.BatchNormalization(momentum=0.95)(x)
x = layers.ReLU()(x)
x = layers.Conv2D(16, 3, strides=2, use_bias=False)(x)
x = layers.BatchNormalization(momentum=0.95)(x)
x = layers.ReLU()(x)
x = layers.Flatten()(x)
model = keras.Model(picture, layers.Dense(5, activation="softmax")(x))
model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
for step in range(200):
    a = model.train_on_batch(*rendered(32))
    b = model.train_on_batch(*photographed(32))
    if step % 50 == 49:
        print("step %d  rendered loss %.3f  photographed loss %.3f" % (step, float(a[0]), float(b[0])))
print("rendered:", model.evaluate(*rendered(400), verbose=0))
print("photographed:", model.evaluate(*photographed(400), verbose=0))
