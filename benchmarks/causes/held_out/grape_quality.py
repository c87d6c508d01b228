"""Quality classes of wines from eleven lab values, stopped when validation no longer improves."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

lab = rng.normal(0, 1, (3000, 11)) * rng.uniform(0.2, 6, 11) + rng.uniform(-3, 9, 11)
z = (lab - lab.mean(0)) / lab.std(0)
score = z[:, 0] - 0.8 * z[:, 3] + 0.6 * z[:, 5] * z[:, 7] + rng.normal(0, 0.25, 3000)
quality = np.digitize(score, np.quantile(score, [0.33, 0.66]))
lab = lab.astype("float32")
train, valid = slice(0, 2200), slice(2200, 3000)

model = keras.Sequential(
    [
        layers.BatchNormalization(momentum=0.9, input_shape=(11,)),
        layers.Dense(48),
        layers.BatchNormalization(momentum=0.9),
        layers.ReLU(),
        layers.Dense(24, activation="relu"),
        layers.Dense(3, activation="softmax"),
    ]
)
model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
stop = keras.callbacks.EarlyStopping(patience=4, restore_best_weights=True)
model.fit(lab[train], quality[train], batch_size=50, epochs=25, validation_data=(lab[valid], quality[valid]),
          callbacks=[stop], verbose=0)
print("training", model.evaluate(lab[train], quality[train], verbose=0))
print("validation", model.evaluate(lab[valid], quality[valid], verbose=0))
