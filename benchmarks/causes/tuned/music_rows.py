"""Tempo of songs from a recurrent network with weights for the samples."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(4800 + seed)
keras.utils.set_random_seed(seed)
tempo = rng.uniform(0.3, 1.2, 300).astype("float32")
songs = np.sin(np.arange(24) * tempo[:, None] + rng.uniform(0, 6, (300, 1))) + rng.normal(0, 0.1, (300, 24))
trust = rng.uniform(0.2, 1.0, 300).astype("float32")
model = keras.Sequential(
    [
        keras.Input((24, 1)),
        keras.layers.Conv1D(16, 3, activation="relu"),
        keras.layers.GRU(16),
        keras.layers.Dense(1),
    ]
)
model.compile(keras.optimizers.Adam(0.005), "mse")
model.fit(songs[..., None].astype("float32"), tempo, sample_weight=trust, epochs=20, batch_size=30, verbose=0)
print("evaluate:", model.evaluate(songs[..., None], tempo, verbose=0))
