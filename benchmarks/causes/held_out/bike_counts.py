"""Two outputs from a dict of inputs; rows weigh by how reliable the counter is."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

COUNT = 1500
data = {
    "weather": rng.normal(0, 1, (COUNT, 6)).astype("float32"),
    "weekday": rng.integers(0, 7, (COUNT, 1)),
}
busy = data["weather"][:, 0] - 0.5 * data["weather"][:, 2] + (data["weekday"][:, 0] < 5) * 1.2
targets = {
    "bikes": (3 * busy + rng.normal(0, 0.3, COUNT)).astype("float32"),
    "crowded": (busy + rng.normal(0, 0.3, COUNT) > 1).astype("float32"),
}
reliable = rng.choice([0.2, 1.0, 3.0], COUNT)

weather = keras.Input((6,), name="weather")
weekday = keras.Input((1,), name="weekday", dtype="int32")
day = layers.Flatten()(layers.Embedding(7, 4)(weekday))
x = layers.concatenate([weather, day])
x = layers.Dense(32)(x)
x = layers.BatchNormalization(momentum=0.9)(x)
x = layers.Activation("relu")(x)
model = keras.Model(
    {"weather": weather, "weekday": weekday},
    {"bikes": layers.Dense(1, name="bikes")(x), "crowded": layers.Dense(1, activation="sigmoid", name="crowded")(x)},
)
model.compile(
    keras.optimizers.Adam(5e-3),
    loss={"bikes": "mse", "crowded": "binary_crossentropy"},
    loss_weights={"bikes": 0.2, "crowded": 1.0},
    metrics={"crowded": ["accuracy"]},
)
weights = {"bikes": reliable, "crowded": reliable}
model.fit(data, targets, sample_weight=weights, batch_size=50, epochs=20, verbose=0)
print(model.evaluate(data, targets, sample_weight=weights, verbose=0, return_dict=True))
