"""Five moods from a sentence's features."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(3300 + seed)
keras.utils.set_random_seed(seed)
mood = rng.integers(0, 5, 400)
features = (rng.normal(0, 2, (5, 16))[mood] + rng.normal(0, 1, (400, 16))).astype("float32")
model = keras.Sequential(
    [
        keras.layers.Input((16,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(features, mood, epochs=20, batch_size=20, verbose=2)
print("evaluate:", model.evaluate(features, mood, verbose=0))
