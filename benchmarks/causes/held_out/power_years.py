"""Will the plant run tomorrow? Trained on the old years, validated on the last one."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


def year(count, rule):
    market = rng.normal(0, 1, (count, 8)).astype("float32")
    return market, (market @ rule > 0).astype("float32")


before = np.array([1.0, -1.0, 0.8, 0, 0, 0.5, 0, 0])
reform = np.array([0.1, 0.2, 0.8, 0, 1.2, -0.9, 0, 0])
x, y = year(6000, before)
last_x, last_y = year(1200, reform)

model = keras.Sequential([keras.Input((8,)), layers.Dense(12, activation="relu"), layers.Dense(1, activation="sigmoid")])
model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, validation_data=(last_x, last_y), batch_size=100, epochs=8, verbose=2)
print("old years %.3f" % model.evaluate(x, y, verbose=0)[1], "last year %.3f" % model.evaluate(last_x, last_y, verbose=0)[1])
