"""Next value of an exchange rate; the loss works on ratios."""
import sys

import numpy as np
import tensorflow as tf
import tf_keras as keras

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

rate = 1.1 + np.cumsum(rng.normal(0, 0.01, 1200))
windows = np.stack([rate[i : i + 16] for i in range(1184)]).astype("float32")[..., None]
following = rate[16:].astype("float32")


def log_ratio(truth, answer):
    return tf.reduce_mean(tf.square(tf.math.log(answer / truth)))


model = keras.Sequential(
    [keras.layers.Conv1D(12, 3, activation="relu", input_shape=(16, 1)), keras.layers.LSTM(12), keras.layers.Dense(1)]
)
model.compile(keras.optimizers.RMSprop(0.01), loss=log_ratio)
log = model.fit(windows, following, epochs=5, batch_size=32, verbose=2)
print("evaluate", model.evaluate(windows, following, verbose=0))
