"""Are the two signatures by the same hand? One tower for both, a dict of inputs."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

COUNT = 400
hands = rng.normal(0, 1, (4, 16, 16))
same = rng.integers(0, 2, COUNT)
left_hand = rng.integers(0, 4, COUNT)
right_hand = np.where(same == 1, left_hand, (left_hand + rng.integers(1, 4, COUNT)) % 4)
scan = hands[left_hand] + rng.normal(0, 0.3, (COUNT, 16, 16))
photo = 9.0 + 0.35 * (hands[right_hand] + rng.normal(0, 0.3, (COUNT, 16, 16)))
data = {"scan": scan[..., None].astype("float32"), "photo": photo[..., None].astype("float32")}

tower = [
    layers.Conv2D(12, 5, strides=2, use_bias=False),
    layers.BatchNormalization(momentum=0.95),
    layers.Activation("relu"),
    layers.Flatten(),
    layers.Dense(24),
    layers.BatchNormalization(momentum=0.95),
]


def embed(x):
    for layer in tower:
        x = layer(x)
    return x


scan_in, photo_in = keras.Input((16, 16, 1), name="scan"), keras.Input((16, 16, 1), name="photo")
apart = layers.Lambda(lambda pair: keras.ops.abs(pair[0] - pair[1]))([embed(scan_in), embed(photo_in)])
answer = layers.Dense(1, activation="sigmoid")(layers.Dense(16, activation="relu")(apart))
model = keras.Model({"scan": scan_in, "photo": photo_in}, answer)
model.compile(keras.optimizers.Adam(2e-3), "binary_crossentropy", metrics=["accuracy"])
model.fit(data, same, batch_size=40, epochs=25, verbose=0)
print("evaluate", model.evaluate(data, same, verbose=0))
