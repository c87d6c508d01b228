"""Patients and 80 markers."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

markers = rng.normal(0, 1, (460, 80)).astype("float32")
ill = (markers[:, 0] + 0.5 * markers[:, 1] + rng.normal(0, 0.9, 460) > 0).astype("float32")

model = keras.Sequential(
    [keras.Input((80,))] + [layers.Dense(128, activation="relu") for _ in range(3)] + [layers.Dense(1, activation="sigmoid")]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
log = model.fit(markers[:60], ill[:60], validation_data=(markers[60:], ill[60:]), epochs=60, batch_size=12, verbose=0)
for epoch in (0, 4, 19, 59):
    print(epoch + 1, *("%s %.3f" % (key, values[epoch]) for key, values in log.history.items()))
