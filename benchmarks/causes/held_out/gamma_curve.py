"""y = sin x + cos x + sqrt x for skewed x, with and without luck."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

x = rng.gamma(1.0, 100.0, (5000, 1)).astype("float32")
y = np.sin(x) + np.cos(x) + np.sqrt(x)

model = keras.Sequential([keras.Input((1,)), layers.Normalization()])
model.layers[0].adapt(x)
for _ in range(3):
    model.add(layers.Dense(64, activation="relu"))
    model.add(layers.LayerNormalization())
model.add(layers.Dense(1))
model.compile("adam", "mean_squared_error")
history = model.fit(x[:4000], y[:4000], validation_data=(x[4000:], y[4000:]), epochs=10, batch_size=50, verbose=2)
print("training", model.evaluate(x[:4000], y[:4000], verbose=0), "rest", model.evaluate(x[4000:], y[4000:], verbose=0))
