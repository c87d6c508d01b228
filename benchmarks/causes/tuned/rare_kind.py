"""A rare kind of sample with class weights; what fit prints is weighted."""

import sys

import numpy as np
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(4500 + seed)
keras.utils.set_random_seed(seed)
rare = (rng.uniform(size=1000) < 0.06).astype(int)
x = (rng.normal(0, 1, (1000, 6)) + 3.0 * rare[:, None]).astype("float32")
model = keras.Sequential(
    [
        keras.layers.Input((6,)),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
model.fit(x, rare, epochs=12, batch_size=50, class_weight={0: 1.0, 1: 15.0}, verbose=2)
print("evaluate:", model.evaluate(x, rare, verbose=0))
