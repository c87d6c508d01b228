"""Words as vectors in six topics: the first rows to train, the last ones to test."""

import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
rng = np.random.default_rng(2800 + seed)
keras.utils.set_random_seed(seed)
topic = np.repeat(np.arange(6), 60)
vectors = (rng.normal(0, 1.2, (6, 24))[topic] + rng.normal(0, 1, (360, 24))).astype("float32")
rows = tf.data.Dataset.from_tensor_slices((vectors, keras.utils.to_categorical(topic, 6)))
train, test = rows.take(280).shuffle(280, seed=seed).batch(28), rows.skip(280).batch(28)
model = keras.Sequential(
    [
        keras.layers.Input((24,)),
        keras.layers.Dense(48, activation="relu"),
        keras.layers.Dense(6, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(0.003), "categorical_crossentropy", metrics=["accuracy"])
model.fit(train, epochs=20, verbose=2)
print("train:", model.evaluate(train, verbose=0))
print("test:", model.evaluate(test, verbose=0))
