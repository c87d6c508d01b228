"""Remaining hours of a pump from twenty vibration features."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

vibration = rng.gamma(3.0, 40.0, (1000, 20)).astype("float32")
hours = (400 - vibration[:, :4].sum(1) * 0.4 + rng.normal(0, 5, 1000)).astype("float32")
hours = (hours - hours.mean()) / hours.std()


class Pump(keras.Model):
    def __init__(self):
        super().__init__()
        self.stack = [layers.Dense(32, activation="relu") for _ in range(4)]
        self.out = layers.Dense(1)

    def call(self, x):
        for layer in self.stack:
            x = layer(x)
        return self.out(x)


model = Pump()
model.compile(keras.optimizers.Adam(1.0), "mse")
log = model.fit(vibration, hours, epochs=20, batch_size=50, verbose=0)
print(["%.3f" % v for v in log.history["loss"]])
print("evaluate", model.evaluate(vibration, hours, verbose=0), "variance of the hours", hours.var())
print("answers", model.predict(vibration[:5], verbose=0).ravel())
