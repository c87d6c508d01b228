"""A small model of a user's own: two convolutions with BatchNormalization; any Keras from 2.3 on."""

import keras
from keras import layers


def build(input_shape, classes):
    inputs = keras.Input(input_shape)
    x = layers.Rescaling(1 / 255)(inputs)
    for filters in (8, 16):
        x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization()(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def without_batch_norm(input_shape, classes):
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def nested(input_shape, classes):
    inner = keras.Sequential([layers.Conv2D(4, 3), layers.BatchNormalization()])
    inputs = keras.Input(input_shape)
    x = layers.GlobalAveragePooling2D()(inner(inputs))
    return keras.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def raises(input_shape, classes):
    raise RuntimeError("no such luck")


def hangs(input_shape, classes):
    while True:
        pass


def chatters(input_shape, classes):
    for number in range(1_000_000):
        print(f"line {number} of a model that prints far more than anybody will read")
    return build(input_shape, classes)


def returns_nothing(input_shape, classes):
    build(input_shape, classes)


def gives_logits(input_shape, classes):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, layers.Dense(classes)(layers.Flatten()(inputs)))


def takes_other_images(input_shape, classes):
    return build((7, 7, 3), classes)


def gives_other_classes(input_shape, classes):
    return build(input_shape, classes + 1)


def leaves(input_shape, classes):
    raise SystemExit(0)


def other_momentum(input_shape, classes):
    return _of_momenta(0.9, 0.9, input_shape, classes)


def two_momenta(input_shape, classes):
    return _of_momenta(0.5, 0.9, input_shape, classes)


def _of_momenta(first, second, input_shape, classes):
    """Any Keras from 2.0 on."""
    inputs = layers.Input(input_shape)
    x = layers.BatchNormalization(momentum=first)(inputs)
    x = layers.Conv2D(8, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=second)(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.models.Model(inputs, layers.Dense(classes, activation="softmax")(x))
