"""Plants from a picture and a few measures, given by name."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2400 + seed)
keras.utils.set_random_seed(seed)


def gather(count):
    plant = rng.integers(0, 4, count)
    pictures = rng.integers(60, 120, (count, 12, 12, 1))
    pictures[plant % 2 == 1, 3:9, 3:9] += 70
    measures = rng.normal(0, 1, (count, 5)) + 2.0 * (plant // 2)[:, None]
    return pictures, measures.astype("float32"), plant


pictures, measures, plants = gather(240)
image, numbers = keras.Input((12, 12, 1), name="picture"), keras.Input((5,), name="measures")
x = keras.layers.Conv2D(8, 3, activation="relu")(image)
x = keras.layers.Flatten()(x)
x = keras.layers.Concatenate()([x, numbers])
x = keras.layers.Dense(24, activation="relu")(x)
model = keras.Model({"picture": image, "measures": numbers}, keras.layers.Dense(4, activation="softmax")(x))
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit({"picture": pictures / 255.0, "measures": measures}, plants, batch_size=24, epochs=20, verbose=0)
print("evaluate:", model.evaluate({"picture": pictures / 255.0, "measures": measures}, plants, verbose=0))
pictures, measures, plants = gather(80)
print("new plants:", model.evaluate({"picture": pictures.astype("float32"), "measures": measures}, plants, verbose=0))
