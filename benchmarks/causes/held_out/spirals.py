"""Two spirals; a stack of ten layers."""
import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

turn = rng.uniform(0.5, 3.5, 1200)
arm = rng.integers(0, 2, 1200)
points = np.stack([turn * np.cos(turn * 2 + np.pi * arm), turn * np.sin(turn * 2 + np.pi * arm)], 1)
points = (points + rng.normal(0, 0.05, points.shape)).astype("float32")
data = tf.data.Dataset.from_tensor_slices((points, arm.astype("float32"))).shuffle(1200).batch(40)

model = keras.Sequential([keras.Input((2,))])
for _ in range(10):
    model.add(keras.layers.Dense(24, activation="sigmoid"))
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(keras.optimizers.SGD(0.05), "binary_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=20, verbose=2)
print("evaluate", model.evaluate(points, arm, verbose=0))
