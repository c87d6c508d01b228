"""Layers that draw at random in training phase, and how to have them act as in inference for a while."""

import contextlib

NAMES = (
    "Dropout SpatialDropout1D SpatialDropout2D SpatialDropout3D AlphaDropout GaussianDropout GaussianNoise"
).split()


def random_layers(keras, layers):
    """Those of `layers` that are Keras's dropout, noise or augmentation; a recurrent layer's own dropout is not."""
    kinds = tuple(getattr(keras.layers, name) for name in NAMES if hasattr(keras.layers, name))
    return [layer for layer in layers if isinstance(layer, kinds) or type(layer).__name__.startswith("Random")]


@contextlib.contextmanager
def quiet(layers):
    """Inside, calls of these layers are made with training=False; for layers whose `call` runs with the model."""
    for layer in layers:
        layer.call = _in_inference(layer.call)
    try:
        yield
    finally:
        for layer in layers:
            del layer.call


def _in_inference(literal):
    def call(inputs, *args, **kwargs):
        return literal(inputs, training=False)

    return call


def quiet_feed(session, layers, feed):
    """`feed` with the outputs of these layers of a static graph replaced by their inputs, in the layers' order."""
    feed = dict(feed)
    for layer in layers:
        for node in getattr(layer, "_inbound_nodes", None) or getattr(layer, "inbound_nodes", None) or []:
            feed[node.output_tensors[0]] = session.run(node.input_tensors[0], feed_dict=feed)
    return feed
