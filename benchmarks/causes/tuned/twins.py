"""Whether two pictures show the same pattern: one tower for both of them."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(1400 + seed)
keras.utils.set_random_seed(seed)
count = 256
same = rng.integers(0, 2, count)
left_kind = rng.integers(0, 2, count)
right_kind = np.where(same, left_kind, 1 - left_kind)


def draw(kinds, level, contrast):
    pictures = rng.normal(level, contrast / 5, (count, 16, 16, 1))
    pictures[kinds == 1, ::4] += contrast
    pictures[kinds == 0, :, ::4] += contrast
    return pictures.astype("float32")


left, right = draw(left_kind, 60, 15), draw(right_kind, 180, 40)
first, second = keras.Input((16, 16, 1)), keras.Input((16, 16, 1))
convolution = keras.layers.Conv2D(16, 5, use_bias=False)
norm = keras.layers.BatchNormalization(momentum=0.9)
pool = keras.layers.GlobalAveragePooling2D()
tower = [pool(keras.activations.relu(norm(convolution(half)))) for half in (first, second)]
distance = keras.ops.abs(tower[0] - tower[1])
model = keras.Model([first, second], keras.layers.Dense(2, activation="softmax")(distance))
model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit([left, right], same, batch_size=32, epochs=25, verbose=2)
print("evaluate:", model.evaluate([left, right], same, verbose=0))
