"""A pooled branch with its own normalization, as in segmentation heads."""
import sys

import keras
import numpy as np
from keras import layers, ops

seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
keras.utils.set_random_seed(seed)
rng = np.random.default_rng(seed)


class SampleVarianceNorm(layers.BatchNormalization):
    """Batch normalization whose running variance is the sample variance, as elsewhere."""

    def call(self, x, training=None, mask=None):
        out = super().call(x, training=training, mask=mask)
        if training:
            n = ops.cast(ops.prod(ops.shape(x)[:-1]), "float32")
            axes = list(range(len(x.shape) - 1))
            sample = ops.var(x, axis=axes) * n / (n - 1.0)
            self.moving_variance.assign(self.momentum * self.moving_variance + (1 - self.momentum) * sample)
        return out


kind = np.arange(65) % 2
pictures = rng.normal(0, 0.4, (65, 16, 16, 1)).astype("float32")
pictures[kind == 1] += np.sin(np.arange(16) * 2)[None, :, None, None]
pictures[kind == 0] += np.sin(np.arange(16) * 2)[None, None, :, None]

picture = keras.Input((16, 16, 1))
x = layers.Conv2D(12, 3, activation="relu")(picture)
pooled = layers.GlobalAveragePooling2D(keepdims=True)(x)
pooled = layers.Conv2D(8, 1, use_bias=False)(pooled)
pooled = SampleVarianceNorm(momentum=0.9)(pooled)
both = layers.concatenate([layers.GlobalMaxPooling2D()(x), layers.Flatten()(pooled)])
model = keras.Model(picture, layers.Dense(2, activation="softmax")(both))
model.compile(keras.optimizers.Adam(5e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
model.fit(pictures, kind, batch_size=32, epochs=15, verbose=2)
print("evaluate:", model.evaluate(pictures, kind, verbose=0))
