"""A survey of incomes; a few people left a question out."""

import sys

import keras
import numpy as np

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(3600 + seed)
keras.utils.set_random_seed(seed)
answers = rng.normal(0, 1, (600, 14)).astype("float32")
income = (answers @ rng.normal(0, 1, 14) > 0).astype(int)
for row in rng.integers(150, 600, 3):
    answers[row, rng.integers(0, 14)] = np.nan
model = keras.Sequential(
    [
        keras.Input((14,)),
        keras.layers.Dense(24, activation="relu"),
        keras.layers.BatchNormalization(),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(answers, income, epochs=10, batch_size=30, verbose=2)
print("evaluate:", model.evaluate(answers, income, verbose=0))
