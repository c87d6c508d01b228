"""What the BatchNormalization of an environment can do: found by trying, not by its version."""

import inspect

import numpy as np

BATCH = np.array([[1.0, 4.0], [3.0, 10.0]], np.float32)


def find(adapter):
    """Names of the abilities that the started adapter's Keras shows."""
    layers = adapter.keras.layers
    arguments = inspect.signature(layers.BatchNormalization.__init__).parameters
    moved, frozen = _one_step(adapter, True), _one_step(adapter, False)
    abilities = []
    if np.allclose(moved, 0.1 * BATCH.mean(0), rtol=1e-4):
        abilities.append("plain-averages")
    if np.allclose(frozen, 0.0) and _ignores_batch_when_frozen(adapter):
        abilities.append("frozen")
    abilities += [name for name in ("synchronized", "renorm") if name in arguments]
    if hasattr(layers, "GroupNormalization"):
        abilities.append("group-norm")
    return abilities


def _layer(adapter, trainable):
    layer = adapter.keras.layers.BatchNormalization(momentum=0.9, input_shape=(2,))
    layer.trainable = trainable
    return layer


def _one_step(adapter, trainable):
    """The moving mean after one step of training on BATCH."""
    layer = _layer(adapter, trainable)
    model = adapter.keras.models.Sequential([layer])
    model.compile("sgd", "mse")
    model.train_on_batch(BATCH, BATCH)
    return np.array(layer.get_weights()[2])


def _ignores_batch_when_frozen(adapter):
    """Whether a frozen layer normalises with its moving statistics (0 and 1) in training phase too."""
    layer = _layer(adapter, False)
    model = adapter.keras.models.Sequential([layer])
    model.compile("sgd", "mse")
    # At the moving statistics the output is BATCH itself, but for epsilon: the loss in training phase is near 0.
    loss = model.train_on_batch(BATCH, BATCH)
    return float(np.ravel(loss)[0]) < 0.1
