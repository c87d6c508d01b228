"""Does the sequence hold the motif? Attention, layer norm, a little dropout."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

chains = rng.integers(1, 20, (1400, 24))
motif = rng.integers(0, 2, 1400)
for chain, there in zip(chains, motif):
    if there:
        chain[rng.integers(0, 24)] = 20

tokens = keras.Input((24,), dtype="int32")
x = layers.Embedding(21, 16)(tokens)
x = layers.LayerNormalization()(x + layers.MultiHeadAttention(2, 8)(x, x))
x = layers.Dense(16, activation="relu")(x)
x = layers.GlobalMaxPooling1D()(x)
x = layers.Dropout(0.02)(x)
model = keras.Model(tokens, layers.Dense(2, activation="softmax")(x))
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(chains[:1100], motif[:1100], batch_size=50, epochs=8, validation_data=(chains[1100:], motif[1100:]), verbose=2)
print("evaluate", model.evaluate(chains, motif, verbose=0))
