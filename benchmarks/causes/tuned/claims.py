"""Claims of an insurance: a few are a hundred times the usual."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(4300 + seed)
keras.utils.set_random_seed(seed)
claims = rng.lognormal(0, 1.6, (500, 8)).astype("float32")
risk = np.log(claims).sum(1) + rng.normal(0, 0.5, 500)
model = keras.Sequential(
    [
        keras.Input((8,)),
        keras.layers.Lambda(keras.ops.log),
        keras.layers.Dense(32),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.ReLU(),
        keras.layers.Dense(1),
    ]
)
model.compile(keras.optimizers.Adam(0.02), "mse", metrics=["mae"])
model.fit(claims, risk.astype("float32"), epochs=30, batch_size=50, verbose=0)
print("evaluate:", model.evaluate(claims, risk, verbose=0))
