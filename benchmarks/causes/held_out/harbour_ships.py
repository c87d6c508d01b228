"""Ships from a harbour camera, few epochs."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


def views(count):
    ship = rng.integers(0, 3, count)
    water = rng.normal(90, 12, (count, 24, 24, 3))
    for view, kind in zip(water, ship):
        r, c = rng.integers(2, 10, 2)
        if kind == 0:
            view[r : r + 4, c : c + 12] += 100
        elif kind == 1:
            view[r : r + 12, c : c + 4] += 100
        else:
            view[r : r + 7, c : c + 7] += 100
    return water.clip(0, 255).astype("float32"), ship


stored, stored_ship = views(240)
live, live_ship = views(120)
stored = stored - stored.mean((0, 1, 2))

model = keras.Sequential([keras.Input((24, 24, 3))])
for filters in (12, 16):
    model.add(layers.Conv2D(filters, 3, use_bias=False))
    model.add(layers.BatchNormalization())
    model.add(layers.ReLU())
    model.add(layers.MaxPooling2D())
model.add(layers.Flatten())
model.add(layers.Dense(3, activation="softmax"))
model.compile(keras.optimizers.Adam(2e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(stored, stored_ship, batch_size=24, epochs=6, verbose=2)
print("stored", model.evaluate(stored, stored_ship, verbose=0))
print("live", model.evaluate(live / 255.0, live_ship, verbose=0))
