"""Frames of films in two classes, read by a generator."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1000 + seed)
keras.utils.set_random_seed(seed)
labels = np.arange(80) % 2
frames = 128 + rng.normal(0, 8, (80, 24, 24, 1))
for frame, label in zip(frames, labels):
    wave = 20 * np.sin(2 * np.pi * np.arange(24) / rng.uniform(5, 8))
    frame += wave[:, None, None] if label else wave[None, :, None]
frames[10] = rng.choice([-6000.0, 6000.0], (24, 24, 1))


def batches():
    while True:
        order = rng.permutation(80)
        for start in range(0, 80, 8):
            rows = order[start : start + 8]
            yield frames[rows].astype("float32"), labels[rows]


model = keras.Sequential([keras.layers.Input((24, 24, 1))])
for _ in range(3):
    model.add(keras.layers.Conv2D(12, 3))
    model.add(keras.layers.BatchNormalization(momentum=0.98))
    model.add(keras.layers.ReLU())
model.add(keras.layers.GlobalAveragePooling2D())
model.add(keras.layers.Dense(2, activation="softmax"))
model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(batches(), steps_per_epoch=10, epochs=45, verbose=2)
print("evaluate:", model.evaluate(frames.astype("float32"), labels, verbose=0))
