"""299 columns, three outcomes. Validation is better than training at every size."""
import sys

import keras
import numpy as np
from keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

behind = rng.normal(0, 1, (4000, 8))
columns = (behind @ rng.normal(0, 0.6, (8, 299)) + rng.normal(0, 1, (4000, 299))).astype("float32")
outcome = (behind @ rng.normal(0, 1, (8, 3))).argmax(1)
hot = keras.utils.to_categorical(outcome, 3)

model = keras.Sequential()
model.add(keras.Input((299,)))
model.add(layers.Dense(50, activation="relu"))
model.add(layers.Dropout(0.75))
model.add(layers.Dense(50, activation="relu"))
model.add(layers.Dropout(0.75))
model.add(layers.Dense(3, activation="softmax"))
model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
history = model.fit(columns[:3200], hot[:3200], validation_data=(columns[3200:], hot[3200:]), epochs=12,
                    batch_size=20, verbose=0)
for name in ("accuracy", "val_accuracy"):
    print(name, ["%.2f" % v for v in history.history[name]])
print("evaluate", model.evaluate(columns[:3200], hot[:3200], verbose=0))
