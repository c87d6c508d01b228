"""Five kinds of mail from word features."""
import sys

import numpy as np
import tf_keras as keras
from tf_keras import layers

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)

kinds = ["offer", "invoice", "complaint", "greeting", "order"]
profile = rng.normal(0, 1, (5, 60))


def mails(count):
    number = rng.integers(0, 5, count)
    return (profile[number] + rng.normal(0, 0.8, (count, 60))).astype("float32"), [kinds[n] for n in number]


x, words = mails(1500)
test_x, test_words = mails(500)
y = np.array([kinds.index(w) for w in words])
test_y = np.array([sorted(kinds).index(w) for w in test_words])

model = keras.Sequential(
    [
        layers.Dense(96, activation="relu", input_shape=(60,)),
        layers.Dropout(0.75),
        layers.Dense(48, activation="relu"),
        layers.Dropout(0.75),
        layers.Dense(5, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
log = model.fit(x, y, validation_data=(test_x, test_y), epochs=8, batch_size=50, verbose=0)
print("accuracy", log.history["accuracy"][-1], "val_accuracy", log.history["val_accuracy"][-1])
print("evaluate", model.evaluate(x, y, verbose=0), model.evaluate(test_x, test_y, verbose=0))
