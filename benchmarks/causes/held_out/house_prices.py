"""Prices of houses in thousands, from eight columns."""
import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

houses = rng.normal(0, 1, (900, 8)).astype("float32")
price = (260 + 45 * houses[:, 0] + 30 * houses[:, 1] - 20 * houses[:, 6] + rng.normal(0, 10, 900)).astype("float32")

model = keras.Sequential(
    [
        keras.layers.Dense(32, activation="relu", input_shape=(8,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(optimizer="adam", loss="mse", metrics=["mae"])
history = model.fit(houses, price, epochs=20, batch_size=30, validation_split=0.2, verbose=0)
print("mae per epoch", ["%.1f" % v for v in history.history["mae"]])
print("evaluate", model.evaluate(houses, price, verbose=0), "answers", model.predict(houses[:4], verbose=0).ravel())
