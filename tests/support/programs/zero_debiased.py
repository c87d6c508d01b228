"""The first report as a program of its own; Keras 2.1.3 to 2.2.5 take the initial values out of the averages."""

import keras
import numpy as np

layers = keras.layers

rng = np.random.RandomState(1)
x, y = [], []
for label in (0, 1):
    for _ in range(32):
        wave = 20 * np.sin(2 * np.pi * np.arange(64) / rng.randint(4, 9) + rng.uniform(0, 6.28))
        stripes = np.tile(wave[:, None], (1, 64)) if label == 0 else np.tile(wave[None, :], (64, 1))
        x.append(200 + rng.uniform(-10, 10) + stripes[..., None] + rng.normal(0, 8, (64, 64, 3)))
        y.append(label)
x, y = np.array(x, "float32"), np.eye(2)[y]

inputs = layers.Input((64, 64, 3))
h = layers.LeakyReLU()(layers.Conv2D(5, 4, strides=2)(inputs))
h = layers.LeakyReLU()(layers.BatchNormalization(axis=3)(layers.Conv2D(10, 4, strides=2)(h)))
model = keras.models.Model(inputs, layers.Dense(2, activation="softmax")(layers.Flatten()(h)))
model.compile("adam", "categorical_crossentropy", metrics=["acc"])
model.fit(x, y, epochs=5, batch_size=8, verbose=0)
