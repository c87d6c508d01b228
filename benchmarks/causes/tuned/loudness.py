"""Short sounds recorded at very different volumes; memory is small, so the batch is 1."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1200 + seed)
keras.utils.set_random_seed(seed)
count = 160
pitch = rng.integers(0, 2, count)
volume = 10 ** rng.uniform(0, 3, count)
sounds = np.sin(np.arange(40) * np.where(pitch, 1.4, 0.6)[:, None] + rng.uniform(0, 6, (count, 1)))
sounds = volume[:, None] * (sounds + rng.normal(0, 0.2, sounds.shape))
sounds = sounds[..., None].astype("float32")

model = keras.Sequential(
    [
        keras.layers.Input((40, 1)),
        keras.layers.Conv1D(16, 5, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.97),
        keras.layers.ReLU(),
        keras.layers.Conv1D(16, 5, use_bias=False),
        keras.layers.BatchNormalization(momentum=0.97),
        keras.layers.ReLU(),
        keras.layers.GlobalAveragePooling1D(),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.002), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(sounds, pitch, epochs=20, batch_size=1, verbose=2)
print("evaluate:", model.evaluate(sounds, pitch, verbose=0))
