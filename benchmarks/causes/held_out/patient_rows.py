"""Length of stay from an admissions table that was joined from two sources."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

table = rng.normal(0, 1, (800, 12)).astype("float32")
days = (5 + table[:, 0] - 2 * table[:, 3] + rng.normal(0, 0.3, 800)).astype("float32")
without_match = rng.choice(800, 6, replace=False)
table[without_match, 7:10] = np.nan

model = keras.Sequential(
    [keras.Input((12,)), layers.Dense(32, activation="relu"), layers.BatchNormalization(momentum=0.9),
     layers.Dense(16, activation="relu"), layers.Dense(1)]
)
model.compile("adam", "mse", metrics=["mae"])
history = model.fit(table, days, batch_size=32, epochs=10, verbose=2)
print("evaluate:", model.evaluate(table, days, verbose=0))
