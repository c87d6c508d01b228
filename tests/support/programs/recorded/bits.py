"""Trains in every way that draws numbers, then prints all that a recorder could have moved. Runs in Python 3.6 too."""

import hashlib
import importlib
import os
import random
import sys
import tempfile

import numpy as np

NAME = os.environ.get("BITS_KERAS", "keras")
keras = importlib.import_module(NAME)
import tensorflow as tf  # noqa: E402

OLD = tf.__version__.startswith("1.")
HAS_KERAS_FILES = int(keras.__version__.split(".")[0]) >= 3 or int(keras.__version__.split(".")[1]) >= 13
layers = importlib.import_module(NAME + ".layers")
models = importlib.import_module(NAME + ".models")
callbacks = importlib.import_module(NAME + ".callbacks")


if OLD:
    keras.backend.set_session(
        tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1))
    )


def seed(value):
    random.seed(value)
    np.random.seed(value)
    if OLD:
        tf.set_random_seed(value)
    else:
        tf.random.set_seed(value)


def digest(arrays):
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()


def network():
    inputs = layers.Input(shape=(12,))
    hidden = layers.Dense(24, activation="relu")(inputs)
    hidden = layers.Dropout(0.3)(hidden)
    normalised = layers.BatchNormalization(momentum=0.8)
    hidden = layers.Dense(24)(normalised(hidden))
    # Shared; on TensorFlow 1 the two updates of a step come in any order, and no two runs are alike.
    hidden = layers.BatchNormalization()(hidden) if OLD else normalised(hidden)
    hidden = layers.GaussianNoise(0.1)(hidden)
    return models.Model(inputs, layers.Dense(3, activation="softmax")(hidden))


def normal():
    if OLD:
        return keras.backend.get_session().run(tf.random_normal([3]))
    return tf.random.normal([3]).numpy()


seed(5)
folder = tempfile.mkdtemp()
rng = np.random.RandomState(1)
y = rng.randint(0, 3, 150)
x = (rng.normal(0, 1, (150, 12)) + np.eye(3)[y].dot(rng.normal(0, 2, (3, 12)))).astype("float32")
model = network()
model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
model.summary()
watched = [
    callbacks.ModelCheckpoint(
        os.path.join(folder, "best." + ("keras" if HAS_KERAS_FILES else "hdf5")),
        monitor="val_loss",
        save_best_only=True,
    ),
    callbacks.EarlyStopping(monitor="val_loss", patience=1),
]
history = model.fit(x, y, epochs=6, batch_size=16, verbose=2, validation_split=0.2, callbacks=watched)
print("history", sorted((key, [float(value) for value in column]) for key, column in history.history.items()))
print("evaluate", [float(value) for value in model.evaluate(x, y, verbose=0)])
print("normal between", normal().tolist())
history = model.fit(x, y, epochs=3, batch_size=25, verbose=0)
print("history", sorted((key, [float(value) for value in column]) for key, column in history.history.items()))
for _ in range(3):
    print("train_on_batch", [float(value) for value in model.train_on_batch(x[:20], y[:20])])
print("evaluate", [float(value) for value in model.evaluate(x, y, verbose=0)])
print("predict", digest([model.predict(x, verbose=0)]))
print("weights", digest(model.get_weights()), sum(float(np.abs(weight).sum()) for weight in model.get_weights()))
state = np.random.get_state()
print("python", hashlib.sha256(repr(random.getstate()).encode()).hexdigest(), random.random())
print("numpy", digest([state[1]]), state[2:], np.random.rand())
print("tensorflow", normal().tolist(), normal().tolist())
print("files", sorted(os.listdir(folder)))
second = network()
print("names", [layer.name for layer in second.layers], [weight.name for weight in second.weights])
second.compile(optimizer="sgd", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
second.fit(x, y, epochs=2, batch_size=30, verbose=2)
print("second", digest(second.get_weights()), second.name)
print(
    "variables",
    digest([np.array(variable) for variable in model.optimizer.variables])
    if hasattr(model.optimizer, "variables") and not callable(model.optimizer.variables)
    else "not told",
)
print("metrics", [getattr(metric, "name", str(metric)) for metric in model.metrics])
sys.stdout.flush()
