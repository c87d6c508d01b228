"""Ranks the runners of a heat: a layer that puts each feature in relation to the others who run."""
import sys

import keras
import numpy as np
from keras import layers, ops

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


class Relative(layers.Layer):
    def call(self, x):
        mean = ops.mean(x, axis=0, keepdims=True)
        spread = ops.std(x, axis=0, keepdims=True)
        return (x - mean) / (spread + 1e-3)


runners = rng.normal(50, 9, (960, 7)).astype("float32")
fast = (runners[:, 0] - runners[:, 3] + 0.5 * runners[:, 5] > 25).astype("float32")

model = keras.Sequential(
    [Relative(), layers.Dense(24, activation="relu"), Relative(), layers.Dense(12, activation="relu"),
     layers.Dense(1, activation="sigmoid")]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(runners, fast, batch_size=32, epochs=20, verbose=0)
print("evaluate:", model.evaluate(runners, fast, verbose=0))
print("first ten, asked for one by one:", [round(float(model.predict(r[None], verbose=0)[0, 0]), 2) for r in runners[:10]])
print("truth:", fast[:10])
