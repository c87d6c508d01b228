"""Chairs against lamps, drawn as stripes: a small convolutional network."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(100 + seed)
keras.utils.set_random_seed(seed)
labels = np.repeat([0, 1], 32)
pictures = np.full((64, 64, 64, 3), 200.0) + rng.normal(0, 8, (64, 64, 64, 3))
for picture, label in zip(pictures, labels):
    period = rng.integers(4, 9)
    wave = 20 * np.sign(np.sin(2 * np.pi * np.arange(64) / period))
    picture += wave[:, None, None] if label else wave[None, :, None]
pictures = pictures.clip(0, 255).astype("float32")

model = keras.Sequential(
    [
        keras.Input((64, 64, 3)),
        keras.layers.Conv2D(5, 4, strides=2),
        keras.layers.LeakyReLU(),
        keras.layers.Conv2D(10, 4, strides=2),
        keras.layers.BatchNormalization(axis=3),
        keras.layers.LeakyReLU(),
        keras.layers.Flatten(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
model.fit(pictures, labels, batch_size=8, epochs=5, verbose=2)
print("evaluate", model.evaluate(pictures, labels, verbose=0))
print("predict", model.predict(pictures, verbose=0)[:8].ravel())
