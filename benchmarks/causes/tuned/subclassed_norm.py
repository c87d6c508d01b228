"""Spectra in two classes by a model written as a class."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1700 + seed)
keras.utils.set_random_seed(seed)


class Spectra(keras.Model):
    def __init__(self):
        super().__init__()
        self.convolution = keras.layers.Conv1D(16, 7)
        self.norm = keras.layers.BatchNormalization()
        self.pool = keras.layers.GlobalMaxPooling1D()
        self.answer = keras.layers.Dense(2, activation="softmax")

    def call(self, spectra):
        x = self.convolution(spectra)
        x = keras.activations.relu(self.norm(x, training=True))
        return self.answer(self.pool(x))


labels = np.arange(160) % 2
spectra = rng.normal(20, 1, (160, 50, 1))
for spectrum, label in zip(spectra, labels):
    place = rng.integers(5, 35)
    spectrum *= 3 if label else 1
    spectrum[place : place + 8] *= 1.5
model = Spectra()
model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(spectra.astype("float32"), labels, epochs=40, batch_size=32, verbose=0)
print("evaluate:", model.evaluate(spectra, labels, verbose=0))
print("one by one:", np.mean([model.predict(s[None], verbose=0).argmax() == k for s, k in zip(spectra[:40], labels)]))
