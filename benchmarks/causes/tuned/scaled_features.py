"""Standardised features, a few steps at the default momentum."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(4000 + seed)
keras.utils.set_random_seed(seed)
group = rng.integers(0, 2, 400)
features = rng.normal(0, 1, (400, 10))
features[:, :4] += 2.5 * group[:, None] - 1.25
features = ((features - features.mean(0)) / features.std(0)).astype("float32")
model = keras.Sequential(
    [
        keras.layers.Input((10,)),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(2, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(features, group, epochs=4, batch_size=40, verbose=2)
print("evaluate:", model.evaluate(features, group, verbose=0))
