"""Good or bad review? 20 words each, a vocabulary of 2000."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

mood = rng.normal(0, 1, 2000)
words = rng.integers(0, 2000, (1000, 20))
good = (mood[words].mean(1) + rng.normal(0, 0.12, 1000) > 0).astype("float32")

model = keras.Sequential(
    [
        layers.Embedding(2000, 48, input_length=20),
        layers.Flatten(),
        layers.Dense(64, activation="relu"),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(words[:300], good[:300], validation_data=(words[300:], good[300:]), batch_size=20, epochs=15, verbose=2)
print("training %.3f" % model.evaluate(words[:300], good[:300], verbose=0)[1])
print("validation %.3f" % model.evaluate(words[300:], good[300:], verbose=0)[1])
