"""Trains Keras 2 models on TensorFlow 1 in its own manners, and prints a digest after each."""

import hashlib
import os
import random
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import layers, models

keras.backend.set_session(
    tf.Session(config=tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1))
)
random.seed(3)
np.random.seed(3)
tf.set_random_seed(3)
rng = np.random.RandomState(0)
y = rng.randint(0, 2, 96)
x = (rng.normal(0, 1, (96, 8)) + 2.0 * y[:, None]).astype("float32")


def digest(arrays):
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:16]


def report(name, model):
    state = hashlib.sha256(repr((random.getstate(), np.random.get_state()[1].tolist())).encode()).hexdigest()[:16]
    drawn = keras.backend.get_session().run(tf.random_normal([2]))
    print(name, digest(model.get_weights()), state, drawn.tolist())


def network():
    model = models.Sequential(
        [
            layers.Dense(16, activation="relu", input_shape=(8,)),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.2),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def sequential():
    model = network()
    model.fit(x, y, epochs=3, verbose=0, validation_data=(x[:20], y[:20]), class_weight={0: 1.0, 1: 2.0})
    print([float(value) for value in model.evaluate(x, y, verbose=0)], digest([model.predict(x)]))
    return model


class Rows(keras.utils.Sequence):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return x[index * 16 : index * 16 + 16], y[index * 16 : index * 16 + 16]

    def on_epoch_end(self):
        pass


def sequence():
    model = network()
    model.fit_generator(Rows(), steps_per_epoch=6, epochs=2, verbose=0, shuffle=False)
    print([float(value) for value in model.evaluate_generator(Rows(), steps=6)])
    return model


def generator():
    def batches():
        while True:
            for at in range(0, 96, 16):
                yield x[at : at + 16], y[at : at + 16]

    model = network()
    model.fit_generator(batches(), steps_per_epoch=6, epochs=2, verbose=0, validation_data=(x, y))
    return model


def several_inputs():
    left, right = layers.Input((8,), name="left"), layers.Input((8,), name="right")
    joined = layers.BatchNormalization()(layers.concatenate([left, right]))
    scaled = layers.Lambda(lambda tensor: tensor * 2.0)(joined)
    outputs = [layers.Dense(1, name="value")(scaled), layers.Dense(2, activation="softmax", name="kind")(scaled)]
    model = models.Model([left, right], outputs)
    model.compile("sgd", {"value": "mse", "kind": "sparse_categorical_crossentropy"})
    model.fit({"left": x, "right": x * 2}, {"value": x[:, :1], "kind": y}, epochs=2, verbose=0)
    return model


def in_time():
    model = models.Sequential(
        [
            layers.TimeDistributed(layers.BatchNormalization(), input_shape=(4, 2)),
            layers.Flatten(),  # an LSTM's gradients are summed in any order here: no two runs are alike
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x.reshape(96, 4, 2), y, epochs=2, verbose=0)
    return model


def nested():
    inner = models.Sequential([layers.Dense(6, input_shape=(8,)), layers.BatchNormalization(), layers.Dropout(0.1)])
    model = models.Sequential([inner, layers.Dense(2, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    for at in range(0, 96, 16):
        model.train_on_batch(x[at : at + 16], y[at : at + 16])
    print(float(model.test_on_batch(x, y)))
    return model


def frozen():
    model = network()
    model.layers[1].trainable = False
    model.compile("adam", "sparse_categorical_crossentropy")
    for _ in range(5):
        model.fit(x, y, epochs=1, verbose=0)
    return model


EVERY = [sequential, sequence, generator, several_inputs, in_time, nested, frozen]
wanted = os.environ.get("KINDS", "").split()
for each in EVERY:
    if not wanted or each.__name__ in wanted:
        report(each.__name__, each())
        sys.stdout.flush()
