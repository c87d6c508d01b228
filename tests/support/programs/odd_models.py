"""Models whose BatchNormalization layers are not called once a step in training phase; Keras 2.0 to 3."""

import os

if os.environ.get("TF_USE_LEGACY_KERAS") == "1":
    import tf_keras as keras
else:
    import keras

layers = keras.layers


def _begin(input_shape):
    inputs = layers.Input(input_shape)
    return inputs, layers.Lambda(lambda pixels: pixels / 100.0 - 1.0)(inputs)


def _block(x, filters, norm, **call):
    x = layers.Conv2D(filters, 3, strides=2, padding="same", use_bias=False)(x)
    return layers.Activation("relu")(norm(x, **call))


def _end(inputs, x, classes, model_class=keras.models.Model):
    x = layers.GlobalAveragePooling2D()(x)
    return model_class(inputs, layers.Dense(classes, activation="softmax")(x))


def plain(input_shape, classes):
    inputs, x = _begin(input_shape)
    x = _block(x, 8, layers.BatchNormalization())
    return _end(inputs, _block(x, 16, layers.BatchNormalization(momentum=0.9)), classes)


def with_dropout(input_shape, classes):
    inputs, x = _begin(input_shape)
    x = layers.Dropout(0.3)(_block(x, 8, layers.BatchNormalization()))
    return _end(inputs, _block(x, 16, layers.BatchNormalization(momentum=0.9)), classes)


def called_twice(input_shape, classes):
    """One layer for a picture and its negative."""
    inputs, x = _begin(input_shape)
    convolution, norm = layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(name="shared")
    sides = [norm(convolution(side)) for side in (x, layers.Lambda(lambda pixels: 0.0 - pixels)(x))]
    x = layers.Activation("relu")(layers.add(sides))
    return _end(inputs, _block(x, 16, layers.BatchNormalization()), classes)


def with_a_closure(input_shape, classes):
    """As the one above, with Lambdas that hold numbers of this function."""
    inputs = layers.Input(input_shape)
    middle = input_shape[1] // 2
    left = layers.Lambda(lambda pixels: pixels[:, :, :middle] / 100.0)(inputs)
    right = layers.Lambda(lambda pixels: pixels[:, :, middle:] / 100.0)(inputs)
    convolution, norm = layers.Conv2D(8, 3, padding="same"), layers.BatchNormalization(name="shared")
    x = layers.add([norm(convolution(side)) for side in (left, right)])
    return _end(inputs, layers.Activation("relu")(x), classes)


def in_inference_mode(input_shape, classes):
    inputs, x = _begin(input_shape)
    x = _block(x, 8, layers.BatchNormalization(name="fixed"), training=False)
    return _end(inputs, _block(x, 16, layers.BatchNormalization()), classes)


def frozen(input_shape, classes):
    inputs, x = _begin(input_shape)
    x = _block(x, 8, layers.BatchNormalization(trainable=False, name="fixed"))
    return _end(inputs, _block(x, 16, layers.BatchNormalization(trainable=False)), classes)


def all_in_inference_mode(input_shape, classes):
    inputs, x = _begin(input_shape)
    x = _block(x, 8, layers.BatchNormalization(name="fixed"), training=False)
    return _end(inputs, _block(x, 16, layers.BatchNormalization(), training=False), classes)


def put_back_by_train_step(input_shape, classes):
    """The averages are never updated, as where UPDATE_OPS are forgotten."""

    class Forgetful(keras.models.Model):
        def train_step(self, data):
            norms = [layer for layer in self.layers if isinstance(layer, layers.BatchNormalization)]
            statistics = [weight for norm in norms for weight in (norm.moving_mean, norm.moving_variance)]
            before = [weight + 0.0 for weight in statistics]
            logs = super().train_step(data)
            for weight, value in zip(statistics, before):
                weight.assign(value)
            return logs

    inputs, x = _begin(input_shape)
    return _end(inputs, _block(x, 8, layers.BatchNormalization()), classes, Forgetful)


def distributed_over_time(input_shape, classes):
    """Rows of the picture as steps, each normalized by a layer that is wrapped."""
    inputs = layers.Input(input_shape)
    x = layers.Lambda(lambda pixels: pixels / 100.0 - 1.0)(layers.Reshape(input_shape[:2])(inputs))
    x = layers.TimeDistributed(layers.BatchNormalization())(layers.TimeDistributed(layers.Dense(8))(x))
    x = layers.Flatten()(layers.Activation("relu")(x))
    return keras.models.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def nested(input_shape, classes):
    inner_inputs = layers.Input(input_shape)
    x = layers.Conv2D(8, 3, strides=2, padding="same")(inner_inputs)
    inner = keras.models.Model(inner_inputs, layers.Activation("relu")(layers.BatchNormalization()(x)))
    inputs, x = _begin(input_shape)
    return _end(inputs, inner(x), classes)


def fails_outside_of_a_graph(input_shape, classes):
    """TensorFlow 2: trains, but cannot be called in training phase by hand."""
    import tensorflow as tf

    class OnlyInGraphs(layers.Layer):
        def call(self, inputs, training=False):
            if training and tf.executing_eagerly():
                raise RuntimeError("not here")
            return inputs

    inputs, x = _begin(input_shape)
    return _end(inputs, OnlyInGraphs()(_block(x, 8, layers.BatchNormalization())), classes)


def exploding(input_shape, classes):
    """A variance that becomes infinite with the first update, which training itself does not read."""

    class Exploding(layers.BatchNormalization):
        def call(self, inputs, training=None, **more):
            outputs = super().call(inputs, training=training, **more)
            if training:
                self.moving_variance.assign(self.moving_variance + float("inf"))
            return outputs

    inputs, x = _begin(input_shape)
    x = _block(x, 8, layers.BatchNormalization())
    return _end(inputs, _block(x, 16, Exploding(name="exploding")), classes)


def dropout_before_norm(input_shape, classes):
    inputs, x = _begin(input_shape)
    x = layers.Dropout(0.5)(layers.Flatten()(x))
    x = layers.Activation("relu")(layers.BatchNormalization(momentum=0.0)(layers.Dense(16)(x)))
    return keras.models.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def always_training(input_shape, classes):
    """Keras 2: uses the batch's statistics in inference too."""
    inputs, x = _begin(input_shape)
    x = _block(x, 8, layers.BatchNormalization(), training=True)
    return _end(inputs, _block(x, 16, layers.BatchNormalization(), training=True), classes)


def without_norm(input_shape, classes):
    inputs, x = _begin(input_shape)
    x = layers.Dense(8)(layers.Dense(8)(layers.Flatten()(x)))
    return keras.models.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def dividing_by_zero(input_shape, classes):
    """Infinite for pictures that hold the grey level 128."""
    inputs = layers.Input(input_shape)
    x = layers.Lambda(lambda pixels: 1.0 / (pixels - 128.0), name="reciprocal")(inputs)
    x = layers.Dense(8)(layers.Flatten()(x))
    return keras.models.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def read_by_another(input_shape, classes):
    """TensorFlow 2: a layer behind the normalization adds the average of its means."""
    norm = layers.BatchNormalization(name="read")

    class AddsMeans(layers.Layer):
        def call(self, inputs):
            return inputs + norm.moving_mean

    inputs, x = _begin(input_shape)
    return _end(inputs, AddsMeans()(_block(x, 8, norm)), classes)


def read_by_a_lambda(input_shape, classes):
    """Keras 2: as the one above."""
    norm = layers.BatchNormalization(name="read")
    inputs, x = _begin(input_shape)
    x = layers.Lambda(lambda values: values + norm.moving_mean)(_block(x, 8, norm))
    return _end(inputs, x, classes)
