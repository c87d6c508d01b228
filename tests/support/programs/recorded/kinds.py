"""Trains on every kind of data and in every manner of Keras on TensorFlow 2, and prints a digest after each."""

import hashlib
import importlib
import os
import random
import sys

import numpy as np
import tensorflow as tf

NAME = os.environ.get("BITS_KERAS", "keras")
keras = importlib.import_module(NAME)
layers = keras.layers
Sequence = getattr(keras.utils, "PyDataset", None) or keras.utils.Sequence


def digest(arrays):
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).tobytes())
    return whole.hexdigest()[:16]


def report(name, model):
    state = hashlib.sha256(repr((random.getstate(), np.random.get_state()[1].tolist())).encode()).hexdigest()[:16]
    print(name, digest(model.get_weights()), state, tf.random.normal([2]).numpy().tolist())


def network(**options):
    model = keras.Sequential(
        [
            keras.Input((8,)),
            layers.Dense(16, activation="relu"),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.2),
            layers.Dense(2, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


keras.utils.set_random_seed(3)
rng = np.random.RandomState(0)
y = rng.randint(0, 2, 96)
x = (rng.normal(0, 1, (96, 8)) + 2.0 * y[:, None]).astype("float32")


def tf_data():
    data = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(96).batch(16).prefetch(2)
    model = network()
    model.fit(data, epochs=3, verbose=0, validation_data=data.take(2))
    model.fit(data, epochs=2, verbose=0)
    print([float(value) for value in model.evaluate(data, verbose=0)], digest([model.predict(data, verbose=0)]))
    return model


def tf_data_repeated():
    data = tf.data.Dataset.from_tensor_slices((x, y)).repeat().shuffle(96, seed=4).batch(16)
    model = network(steps_per_execution=2)
    model.fit(data, epochs=3, steps_per_epoch=4, verbose=0)
    return model


class Rows(Sequence):
    def __init__(self, **options):
        super().__init__(**options)
        self.order = np.arange(96)
        self.asked = 0

    def __len__(self):
        return 6

    def __getitem__(self, index):
        self.asked += 1
        rows = self.order[index * 16 : index * 16 + 16]
        return x[rows], y[rows]

    def on_epoch_end(self):
        np.random.shuffle(self.order)


def sequence():
    model, rows = network(), Rows()
    model.fit(rows, epochs=3, verbose=0)
    print([float(value) for value in model.evaluate(rows, verbose=0)], digest([model.predict(rows, verbose=0)]))
    print("asked", rows.asked)
    return model


def generator():
    drawn = []

    def batches(own):
        while True:
            rows = own.randint(0, 96, 16)
            drawn.append(rows[0])
            yield x[rows], y[rows]

    model = network()
    for start in (1, 2):
        model.fit(batches(np.random.RandomState(start)), epochs=2, steps_per_epoch=5, verbose=0)
    print("drawn", len(drawn) >= 20)
    model.fit(((x[at : at + 16], y[at : at + 16]) for at in range(0, 96, 16)), epochs=1, verbose=0)
    return model


def several_inputs():
    left, right = keras.Input((8,), name="left"), keras.Input((8,), name="right")
    joined = layers.BatchNormalization()(layers.Concatenate()([left, right]))
    outputs = {
        "value": layers.Dense(1, name="value")(joined),
        "kind": layers.Dense(2, activation="softmax", name="kind")(joined),
    }
    model = keras.Model({"left": left, "right": right}, outputs)
    model.compile("adam", {"value": "mse", "kind": "sparse_categorical_crossentropy"})
    model.fit({"left": x, "right": x * 2}, {"value": x[:, :1], "kind": y}, epochs=2, verbose=0, validation_split=0.25)
    return model


class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.first, self.normal = layers.Dense(16), layers.BatchNormalization()
        self.last = layers.Dense(2)
        self.passes = 0
        self.counter = tf.Variable(0.0, trainable=False)

    def call(self, inputs, training=False):
        self.passes += 1
        if tf.executing_eagerly():
            print("eager call")
        self.counter.assign_add(1.0)
        hidden = self.normal(self.first(inputs), training=training)
        if training:
            hidden = hidden + tf.random.normal(tf.shape(hidden)) * 0.1
        return self.last(hidden)

    def train_step(self, data):
        inputs, labels = data[0], data[1]
        with tf.GradientTape() as tape:
            outputs = self(inputs, training=True)
            loss = tf.reduce_mean(tf.keras.losses.sparse_categorical_crossentropy(labels, outputs, from_logits=True))
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables))
        return {"loss": loss}


def own_step():
    model = Own()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x, y, epochs=2, verbose=0)
    print("passes", model.passes, float(model.counter))
    model.fit(x, y, epochs=2, verbose=0)
    print("passes", model.passes, float(model.counter), digest([model.predict(x, verbose=0)]))
    return model


def eager():
    model = network(run_eagerly=True)
    model.fit(x, y, epochs=1, verbose=0)
    print(float(tf.random.normal([]).numpy()))
    model.fit(x, y, epochs=1, verbose=0, sample_weight=np.linspace(0, 1, 96))
    return model


def one_epoch_each():
    model = network()
    for _ in range(25):
        model.fit(x, y, epochs=1, verbose=0, class_weight={0: 1.0, 1: 2.0})
    return model


def batches():
    model = network()
    for at in range(0, 96, 16):
        model.train_on_batch(x[at : at + 16], y[at : at + 16])
    print([float(value) for value in model.test_on_batch(x, y)])
    for at in range(0, 96, 16):
        model.train_on_batch(x[at : at + 16], y[at : at + 16])
    return model


def half_precision():
    keras.mixed_precision.set_global_policy("mixed_float16")
    try:
        model = network()
        model.fit(x, y, epochs=2, verbose=0)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    return model


def in_time():
    model = keras.Sequential(
        [
            keras.Input((4, 2)),
            layers.TimeDistributed(layers.BatchNormalization()),
            layers.TimeDistributed(keras.Sequential([keras.Input((2,)), layers.Dense(4), layers.BatchNormalization()])),
            layers.LSTM(4),
            layers.Dense(2),
        ]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(x.reshape(96, 4, 2), y, epochs=2, verbose=0)
    return model


class Raises(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 2:
            raise RuntimeError("in a callback")


def raising():
    model = network()
    try:
        model.fit(x, y, epochs=2, verbose=0, callbacks=[Raises()])
    except RuntimeError as error:
        print("raised", error)
    try:
        model.fit(x, y[:5], epochs=1, verbose=0)
    except ValueError as error:
        print("refused", str(error)[:60])
    try:
        model.fit(x, y, no_such_argument=1)
    except TypeError as error:
        print("refused", str(error)[-60:])
    model.fit(x, y, epochs=1, verbose=0, initial_epoch=0, callbacks=keras.callbacks.CallbackList([], model=model))
    return model


def added_loss():
    inputs = keras.Input((8,))

    class Penalty(layers.Layer):
        def call(self, tensor):
            self.add_loss(0.01 * tf.reduce_sum(tf.abs(tf.convert_to_tensor(tensor))))
            return tensor

    hidden = Penalty()(layers.Dense(8, kernel_regularizer="l2", activity_regularizer="l2")(inputs))
    model = keras.Model(inputs, layers.Dense(8)(hidden))
    model.compile("sgd", "mae")
    model.fit(x, x, epochs=2, verbose=0)
    return model


EVERY = [
    tf_data,
    tf_data_repeated,
    sequence,
    generator,
    several_inputs,
    own_step,
    eager,
    one_epoch_each,
    batches,
    half_precision,
    in_time,
    raising,
    added_loss,
]
wanted = os.environ.get("KINDS", "").split()
for each in EVERY:
    if not wanted or each.__name__ in wanted:
        report(each.__name__, each())
        sys.stdout.flush()
