"""Sugar content from near-infrared absorbances (small numbers, 40 wavelengths)."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

loadings = rng.normal(0, 1, (5, 40))
latent = rng.normal(0, 1, (640, 5))
absorbance = (0.02 + 0.0012 * latent @ loadings + rng.normal(0, 0.0001, (640, 40))).astype("float32")
sugar = (12 + 2 * latent[:, 0] - latent[:, 1] * latent[:, 2]).astype("float32")

spectrum = keras.Input((40,))
x = layers.BatchNormalization(epsilon=1e-7)(spectrum)
x = layers.Dense(48, activation="gelu")(x)
x = layers.Dense(24, activation="gelu")(x)
model = keras.Model(spectrum, layers.Dense(1)(x))
model.compile(keras.optimizers.AdamW(3e-3), "mse", metrics=["mae"])
history = model.fit(absorbance, sugar, batch_size=32, epochs=30, verbose=0)
print("fit: mse %.3f" % history.history["loss"][-1])
print("evaluate: mse %.3f, mae %.3f" % tuple(model.evaluate(absorbance, sugar, verbose=0)))
