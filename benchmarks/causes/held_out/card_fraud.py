"""Three in a hundred payments are fraud."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

payments = rng.normal(0, 1, (6000, 14)).astype("float32")
danger = payments[:, 0] + payments[:, 3] - payments[:, 9] + rng.normal(0, 0.5, 6000)
fraud = (danger > np.quantile(danger, 0.97)).astype("float32")

inputs = keras.Input((14,), name="payment")
x = layers.Dense(32, activation="relu")(inputs)
x = layers.Dense(16, activation="relu")(x)
outputs = layers.Dense(1, activation="sigmoid")(x)
model = keras.Model(inputs, outputs)
model.compile("adam", "binary_crossentropy", metrics=["accuracy", keras.metrics.AUC(name="auc")])
model.fit(payments[:5000], fraud[:5000], validation_data=(payments[5000:], fraud[5000:]), batch_size=100, epochs=10,
          verbose=2)
print("training", model.evaluate(payments[:5000], fraud[:5000], verbose=0, return_dict=True))
print("later payments", model.evaluate(payments[5000:], fraud[5000:], verbose=0, return_dict=True))
