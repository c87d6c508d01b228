"""Trains one network and serves answers from a second one that gets its parameters."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


def build():
    board = keras.Input((9, 9, 2))
    x = board
    for _ in range(3):
        y = layers.Conv2D(16, 3, padding="same", use_bias=False)(x)
        y = layers.BatchNormalization(momentum=0.9)(y)
        y = layers.Activation("relu")(y)
        x = y if x is board else layers.add([x, y])
    x = layers.Flatten()(x)
    move = layers.Dense(81, activation="softmax", name="move")(x)
    return keras.Model(board, move)


stones = (rng.random((1200, 9, 9, 2)) < 0.04).astype("float32") * 2 + rng.normal(20, 0.5, (1200, 9, 9, 2)).astype("float32")
best = rng.integers(0, 81, 1200)
stones[np.arange(1200), best // 9, best % 9, :] += [3.0, 5.0]

learner, server = build(), build()
learner.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
server.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
for round_ in range(3):
    learner.fit(stones, best, batch_size=48, epochs=4, verbose=0)
    for target, source in zip(server.trainable_variables, learner.trainable_variables):
        target.assign(source)
    print("round", round_, "learner %.3f" % learner.evaluate(stones, best, verbose=0)[1],
          "server %.3f" % server.evaluate(stones, best, verbose=0)[1])
