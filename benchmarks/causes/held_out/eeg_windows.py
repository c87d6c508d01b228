"""Sleep stages from windows of 32 values: dropout, dense, normalization, four times."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

stage = rng.integers(0, 2, 512)
windows = 3.0 + rng.normal(0, 1, (512, 32)) + np.where(stage == 1, 0.32, -0.32)[:, None] * np.sign(rng.normal(0, 1, 32))
windows = windows.astype("float32")

inputs = keras.Input((32,))
x = inputs
for _ in range(4):
    x = layers.Dropout(0.5)(x)
    x = layers.Dense(64)(x)
    x = layers.BatchNormalization(momentum=0.98)(x)
    x = layers.ReLU()(x)
outputs = layers.Dense(2, activation="softmax")(x)
model = keras.Model(inputs, outputs)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
for epoch in range(40):
    order = rng.permutation(512)
    for start in range(0, 512, 32):
        rows = order[start : start + 32]
        loss, accuracy = model.train_on_batch(windows[rows], stage[rows])
print("last batch", loss, accuracy, "test_on_batch", model.test_on_batch(windows[rows], stage[rows]))
print("evaluate", model.evaluate(windows, stage, verbose=0))
