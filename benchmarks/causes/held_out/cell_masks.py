"""Cell masks; memory allows for two pictures a step."""
import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

slides = [(np.exp(rng.uniform(-2, 2)), rng.uniform(-5, 5)) for _ in range(40)]
pictures, masks = [], []
rows, columns = np.mgrid[:32, :32]
for gain, level in slides:
    for _ in range(2):
        mask = np.zeros((32, 32))
        for _ in range(3):
            r, c = rng.integers(6, 26, 2)
            mask[(rows - r) ** 2 + (columns - c) ** 2 < 20] = 1
        pictures.append(level + gain * (mask + rng.normal(0, 0.2, (32, 32))))
        masks.append(mask)
pictures = np.array(pictures, "float32")[..., None]
masks = np.array(masks, "float32")[..., None]


def pairs():
    for number in np.random.permutation(40):
        yield pictures[2 * number : 2 * number + 2], masks[2 * number : 2 * number + 2]


data = tf.data.Dataset.from_generator(
    pairs, output_signature=(tf.TensorSpec((2, 32, 32, 1)), tf.TensorSpec((2, 32, 32, 1)))
)
picture = keras.Input((32, 32, 1))
x = layers.BatchNormalization(momentum=0.98)(picture)
x = layers.Conv2D(12, 3, padding="same", activation="relu")(x)
x = layers.Conv2D(12, 3, padding="same", activation="relu")(x)
mask = layers.Conv2D(1, 1, activation="sigmoid")(x)
model = keras.Model(picture, mask)
model.compile(keras.optimizers.Adam(4e-3), "binary_crossentropy", metrics=["accuracy"])
model.fit(data, epochs=20, verbose=0)
print("evaluate", model.evaluate(pictures, masks, batch_size=2, verbose=0))
print("share of background", 1 - masks.mean())
