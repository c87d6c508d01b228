"""A shape's kind and its size in one network."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(4700 + seed)
keras.utils.set_random_seed(seed)
kind, size = rng.integers(0, 2, 256), rng.integers(3, 12, 256)
shapes = rng.normal(0, 0.1, (256, 16, 16, 1))
for shape, label, side in zip(shapes, kind, size):
    shape[2 : 2 + side, 2 : 2 + side] += 1
    if label:
        shape[3 : 1 + side, 3 : 1 + side] -= 1
shapes = shapes.astype("float32")
inputs = keras.Input((16, 16, 1))
x = keras.layers.Conv2D(12, 3, strides=2)(inputs)
x = keras.layers.BatchNormalization(momentum=0.9)(x)
x = keras.layers.Flatten()(keras.activations.relu(x))
x = keras.layers.Dense(32, activation="relu")(x)
answers = {
    "kind": keras.layers.Dense(1, activation="sigmoid", name="kind")(x),
    "size": keras.layers.Dense(1, name="size")(x),
}
model = keras.Model(inputs, answers)
model.compile(
    keras.optimizers.Adam(0.003), {"kind": "binary_crossentropy", "size": "mse"}, metrics={"kind": "accuracy"}
)
model.fit(shapes, {"kind": kind, "size": size.astype("float32")}, epochs=25, batch_size=32, verbose=0)
print(model.evaluate(shapes, {"kind": kind, "size": size.astype("float32")}, verbose=0, return_dict=True))
