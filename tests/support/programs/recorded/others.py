"""What programs of public repositories do and ours did not: one model after the other, each named for what it does."""

import importlib
import os
import sys

import numpy as np
import tensorflow as tf

KERAS_3 = os.environ.get("BITS_KERAS", "keras") == "keras"
keras = importlib.import_module("keras" if KERAS_3 else "tf_keras")
layers = keras.layers

keras.utils.set_random_seed(5)
x = np.random.normal(size=(96, 6)).astype("float32")
y = x[:, :3].argmax(1)


class AlwaysDropout(layers.Layer):
    """Draws in inference phase, too."""

    def call(self, inputs):
        return tf.nn.dropout(inputs, 0.6)


class OwnStep(keras.Model):
    """Works its loss out by itself: `compile` has none."""

    def train_step(self, data):
        inputs, targets = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self(inputs, training=True) - targets) ** 2)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}


class Parts(keras.Model):
    """Calls its parts alone, and has no call of its own."""

    def __init__(self):
        super().__init__()
        self.part = keras.Sequential([keras.Input((6,)), layers.Dense(1)])

    def train_step(self, data):
        inputs, targets = data
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((self.part(inputs, training=True) - targets) ** 2)
        gradients = tape.gradient(loss, self.part.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.part.trainable_variables))
        return {"part_loss": loss}


def classifier(*inner):
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(16, activation="relu"), *inner, layers.Dense(3, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def drawing():
    model = classifier(AlwaysDropout(name="always"))
    model.fit(x, y, epochs=30, verbose=0)
    return model


def long_names():
    model = classifier(layers.Dense(4, name="n" * 3000))
    model.fit(x, y, epochs=1, verbose=0)
    return model


def own_step():
    inputs = keras.Input((6,))
    model = OwnStep(inputs, layers.Dense(1)(inputs))
    model.compile("sgd")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    return model


def parts():
    model = Parts()
    model.compile("sgd")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    return model.part


def lookup():
    table = layers.StringLookup(vocabulary=["a", "b"])
    words = keras.Input((1,), dtype="string")
    outputs = layers.Dense(1)(layers.Flatten()(layers.Embedding(4, 2)(table(words))))
    model = keras.Model(words, outputs)
    model.compile("sgd", "mse")
    data = tf.data.Dataset.from_tensor_slices((np.array([["a"], ["b"]] * 8), np.ones((16, 1), "float32"))).batch(4)
    model.fit(data, epochs=2, verbose=0)
    return model


def wrong_calls():
    model = classifier()
    calls = [
        lambda: model.fit(x, y[:10], verbose=0),
        lambda: model.fit(x, y, epocs=3),
        lambda: model.fit([], [], verbose=0),
        lambda: model.fit(5, verbose=0),
        lambda: model.fit({}, verbose=0),
        lambda: model.fit(x, y, validation_split="a", verbose=0),
        lambda: model.fit(x, y, epochs="a", verbose=0),
        lambda: model.fit(x, y, callbacks=5, verbose=0),
        model.predict,
        model.train_on_batch,
    ]
    for call in calls:
        try:
            call()
            print("taken")
        except Exception as error:
            print(type(error).__name__, str(error).split(" at 0x")[0].splitlines()[0])
    model.fit(x, y, epochs=1, verbose=0)
    return model


for case in (drawing, own_step, parts, lookup, wrong_calls, long_names):
    trained = case()
    print(case.__name__, float(sum(np.abs(array).astype("float64").sum() for array in trained.get_weights())))
    sys.stdout.flush()
