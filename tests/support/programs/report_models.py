"""Networks of public reports of "right in training, wrong afterwards", made small; Keras 2.0 to 3."""

import os

import numpy as np

if os.environ.get("TF_USE_LEGACY_KERAS") == "1":
    import tf_keras as keras
else:
    import keras

layers, Model = keras.layers, keras.models.Model
HIGH_PASS = [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]


def _divided(inputs):
    return layers.Lambda(lambda pixels: pixels / 255.0)(inputs)


def _blocks(x, norms, call=None, filters=(16, 32)):
    for place, norm in enumerate(norms):
        count = filters[place]
        x = layers.Conv2D(count, 3, strides=2, padding="same", use_bias=False)(x)
        x = layers.Activation("relu")(norm(x, **(call or {})))
    return x


def _pooled(inputs, x, classes, model=Model):
    return model(inputs, layers.Dense(classes, activation="softmax")(layers.GlobalAveragePooling2D()(x)))


def _flat(inputs, x, classes, model=Model):
    return model(inputs, layers.Dense(classes, activation="softmax")(layers.Flatten()(x)))


def quick(input_shape, classes):
    """Momentum 0.9, pixels divided by 255."""
    inputs = layers.Input(input_shape)
    norms = [layers.BatchNormalization(momentum=0.9) for _ in range(2)]
    return _flat(inputs, _blocks(_divided(inputs), norms), classes)


def divided_in_fit(input_shape, classes):
    """A `fit` of its own that divides by 255; evaluate and predict do not."""

    class WithPipeline(keras.Model):
        def fit(self, x=None, y=None, **more):
            if y is None:
                return super().fit(x.map(lambda a, b: (a / 255.0, b)), **more)
            return super().fit(x / 255.0, y, **more)

    inputs = layers.Input(input_shape)
    norms = [layers.BatchNormalization(momentum=0.9) for _ in range(2)]
    return _flat(inputs, _blocks(inputs, norms), classes, WithPipeline)


def never_updated(input_shape, classes):
    """A training step that puts the averages back."""

    class ForgetsUpdates(keras.Model):
        def train_step(self, data):
            norms = [layer for layer in self.layers if isinstance(layer, layers.BatchNormalization)]
            kept = [(v, v + 0.0) for layer in norms for v in (layer.moving_mean, layer.moving_variance)]
            logs = super().train_step(data)
            for variable, value in kept:
                variable.assign(value)
            return logs

    inputs = layers.Input(input_shape)
    norms = [layers.BatchNormalization() for _ in range(2)]
    return _pooled(inputs, _blocks(_divided(inputs), norms), classes, ForgetsUpdates)


def frozen(input_shape, classes):
    """Layers that are not trainable: Keras 2 normalises by the batch in training all the same."""
    inputs = layers.Input(input_shape)
    norms = [layers.BatchNormalization(trainable=False) for _ in range(2)]
    return _pooled(inputs, _blocks(_divided(inputs), norms), classes)


def training_true(input_shape, classes):
    """Each layer is called with training=True."""
    inputs = layers.Input(input_shape)
    norms = [layers.BatchNormalization() for _ in range(2)]
    x = _blocks(inputs, norms, call={"training": True})
    x = layers.BatchNormalization()(layers.Dense(16)(layers.Flatten()(x)), training=True)
    return _flat(inputs, layers.Activation("relu")(x), classes)


def shared(input_shape, classes):
    """One tower over both halves of an image, and their difference."""
    inputs = layers.Input(input_shape)
    width = input_shape[1] // 2
    sides = [layers.Lambda(lambda t: t[:, :, :width])(inputs), layers.Lambda(lambda t: t[:, :, width:])(inputs)]
    tower = []
    for size in (5, 3):
        tower += [layers.Conv2D(16, size, padding="same"), layers.BatchNormalization(), layers.Activation("relu")]
    tower.append(layers.GlobalAveragePooling2D())
    for layer in tower:
        sides = [layer(side) for side in sides]
    x = layers.Lambda(lambda pair: abs(pair[0] - pair[1]))(sides)
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def time_distributed(input_shape, classes):
    """A layer within TimeDistributed."""
    inputs = layers.Input(input_shape)
    x = layers.TimeDistributed(layers.Dense(16))(layers.Reshape(input_shape[:2])(inputs))
    x = layers.Activation("relu")(layers.TimeDistributed(layers.BatchNormalization())(x))
    return Model(inputs, layers.Dense(classes, activation="softmax")(layers.GRU(16)(x)))


def nan_variance(input_shape, classes):
    """A variance that is averaged times n / (n - 1), as a fused kernel does it, on a map of one pixel."""
    ops = keras.ops

    class Unbiased(layers.BatchNormalization):
        def call(self, inputs, training=None, mask=None):
            before = self.moving_variance.value if training else None
            outputs = super().call(inputs, training=training, mask=mask)
            if training:
                shape = ops.shape(inputs)
                count = ops.cast(shape[0] * shape[1] * shape[2], "float32")
                added = self.moving_variance - before * self.momentum
                self.moving_variance.assign(before * self.momentum + added * count / (count - 1.0))
            return outputs

    inputs = layers.Input(input_shape)
    x = _blocks(_divided(inputs), [layers.BatchNormalization() for _ in range(2)])
    pooled = layers.Conv2D(16, 1, use_bias=False)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    pooled = layers.Flatten()(layers.Activation("relu")(Unbiased(name="unbiased")(pooled)))
    x = layers.Concatenate()([layers.Flatten()(x), pooled])
    return Model(inputs, layers.Dense(classes, activation="softmax")(x))


def small_variance(input_shape, classes):
    """Pixels from 0 to 1: the first layer's variance is far below the initial 1."""
    inputs = layers.Input(input_shape)
    norms = [layers.BatchNormalization() for _ in range(3)]
    return _pooled(inputs, _blocks(_divided(inputs), norms, filters=(8, 16, 32)), classes)


def high_pass(input_shape, classes):
    """A fixed filter beside the picture, which answers a checkerboard strongly."""
    inputs = layers.Input(input_shape)
    kernel = np.reshape(np.array(HIGH_PASS, "float32"), (5, 5, 1, 1))
    fixed = layers.Conv2D(
        1, 5, padding="same", use_bias=False, trainable=False, kernel_initializer=lambda *_, **__: kernel
    )
    x = layers.Cropping2D(2)(layers.Concatenate()([inputs, fixed(inputs)]))
    norms = [layers.BatchNormalization() for _ in range(3)]
    return _pooled(inputs, _blocks(x, norms, filters=(8, 16, 32)), classes)


def zero_debiased(input_shape, classes):
    """Of the first report: convolution, convolution, BatchNormalization, dense."""
    inputs = layers.Input(input_shape)
    x = layers.LeakyReLU()(layers.Conv2D(5, 4, strides=2)(inputs))
    x = layers.BatchNormalization(axis=3)(layers.Conv2D(10, 4, strides=2)(x))
    return _flat(inputs, layers.LeakyReLU()(x), classes)


def two_sigmoids(input_shape, classes):
    """Outputs that add up to 1 on a black image only."""
    inputs = layers.Input(input_shape)
    x = layers.BatchNormalization()(layers.Dense(16, use_bias=False)(layers.Flatten()(_divided(inputs))))
    return Model(inputs, layers.Dense(classes, activation="sigmoid")(x))
