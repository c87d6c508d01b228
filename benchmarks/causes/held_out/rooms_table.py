"""Temperature of rooms from sensors: regression with normalization."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

outside = rng.normal(8, 7, 2400)
sun = rng.uniform(0, 900, 2400)
people = rng.poisson(4, 2400)
heating = rng.uniform(0, 1, 2400)
rooms = np.stack([outside, sun, people, heating], 1).astype("float32")
temperature = 17 + 0.15 * outside + 0.004 * sun + 0.2 * people + 4 * heating + rng.normal(0, 0.4, 2400)

model = keras.Sequential(
    [
        keras.Input((4,)),
        layers.BatchNormalization(momentum=0.9),
        layers.Dense(32, activation="swish"),
        layers.BatchNormalization(momentum=0.9),
        layers.Dense(16, activation="swish"),
        layers.Dense(1),
    ]
)
model.compile(keras.optimizers.Adam(1e-2), "mse", metrics=["mae"])
slower = keras.callbacks.ReduceLROnPlateau(monitor="loss", patience=2, factor=0.3)
model.fit(rooms[:2000], temperature[:2000], batch_size=100, epochs=40, callbacks=[slower], verbose=0)
print("training", model.evaluate(rooms[:2000], temperature[:2000], verbose=0))
print("other rooms", model.evaluate(rooms[2000:], temperature[2000:], verbose=0))
