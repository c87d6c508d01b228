"""Vowels from formants."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

centre = np.array([[730, 1090, 2440], [270, 2290, 3010], [300, 870, 2240], [530, 1840, 2480], [570, 840, 2410]])
vowel = rng.integers(0, 5, 1500)
formants = (centre[vowel] * (1 + rng.normal(0, 0.05, (1500, 3)))).astype("float32")

inputs = keras.Input((3,))
x = layers.Dense(24)(layers.BatchNormalization()(inputs))
x = layers.PReLU()(layers.BatchNormalization()(x))
model = keras.Model(inputs, layers.Dense(5, activation="softmax")(x))
model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(formants, vowel, batch_size=25, epochs=40, verbose=0)
print("evaluate", model.evaluate(formants, vowel, verbose=0))
print("by hand", (model.predict(formants, verbose=0).argmax(1) == vowel).mean())
