"""News topics from bag-of-words counts; the last layer gives scores."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

topics = rng.dirichlet(np.full(150, 0.15), 6)
topic = rng.integers(0, 6, 900)
counts = np.stack([rng.multinomial(40, topics[t]) for t in topic]).astype("float32")

words = keras.Input((150,))
x = layers.Dense(40, activation="relu")(words)
scores = layers.Dense(6)(x)
model = keras.Model(words, scores)
model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(counts, topic, epochs=12, batch_size=30, verbose=2)
print("evaluate:", model.evaluate(counts, topic, verbose=0))
