"""Height of the tide from one observation at a time, as they come in."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

hour = rng.uniform(0, 24, 500)
moon = rng.uniform(0, 1, 500)
features = np.stack([np.sin(hour / 12.4 * 2 * np.pi), np.cos(hour / 12.4 * 2 * np.pi), moon], 1).astype("float32")
height = (features[:, 0] * (1 + 0.3 * moon) + rng.normal(0, 0.1, 500)).astype("float32")


class Tides(keras.utils.Sequence):
    def __len__(self):
        return 400

    def __getitem__(self, number):
        return features[number : number + 1], height[number : number + 1]


inputs = keras.Input((3,))
x = layers.Dense(24, activation="tanh")(inputs)
x = layers.LayerNormalization()(x)
x = layers.Dense(24, activation="tanh")(x)
model = keras.Model(inputs, layers.Dense(1)(x))
model.compile(keras.optimizers.Adam(2e-3), "mse", metrics=["mae"])
history = model.fit(Tides(), epochs=6, validation_data=(features[400:], height[400:]), verbose=0)
print("mse", history.history["loss"][-1], "validation", history.history["val_loss"][-1])
print("evaluate", model.evaluate(features[:400], height[:400], verbose=0))
