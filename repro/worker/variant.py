"""Makes a variant of a model whose BatchNormalization layers are changed or replaced, by its configuration."""

import random

import numpy as np

MOST_GROUPS = 32  # Wu and He's choice
GROUP_NORM_KEYS = (
    "name trainable dtype epsilon center scale beta_initializer gamma_initializer beta_regularizer gamma_regularizer "
    "beta_constraint gamma_constraint"
).split()


def settings(norm):
    """What has to be changed in the layers' configuration: a dict for `changed`, empty where nothing has."""
    norm = norm or {}
    wanted = {key: True for key in ("synchronized", "renorm") if norm.get(key)}
    if norm.get("trainable") is False:
        wanted["trainable"] = False
    if norm.get("replace_by"):
        wanted["replace_by"] = norm["replace_by"]
    return wanted


def changed(config, wanted, channels):
    """A model's configuration with its BatchNormalization layers changed.

    `wanted`: configuration keys with their values, or {"replace_by": "group_norm" | "none"}; `channels`: the channels
    of each of these layers by name.
    """
    layers = []
    for layer in config["layers"]:
        if "layers" in layer["config"]:
            layer = dict(layer, config=changed(layer["config"], wanted, channels))
        elif layer["class_name"] == "BatchNormalization":
            if "replace_by" in wanted:
                layer = replaced(layer, wanted["replace_by"], channels)
            else:
                layer = dict(layer, config=dict(layer["config"], **wanted))
        layers.append(layer)
    return dict(config, layers=layers)


def replaced(layer, by, channels):
    """The entry of a layer in the place of that BatchNormalization layer, under its name."""
    config = layer["config"]
    layer = {key: value for key, value in layer.items() if key != "build_config"}
    layer["inbound_nodes"] = [called(node) for node in layer.get("inbound_nodes", ())]
    if by == "none":
        kept = {key: config[key] for key in ("name", "trainable", "dtype") if key in config}
        return dict(layer, class_name="Activation", config=dict(kept, activation="linear"))
    kept = {key: config[key] for key in GROUP_NORM_KEYS if key in config}
    axis = config.get("axis", -1)
    kept["axis"] = axis if isinstance(axis, int) else axis[0]
    kept["groups"] = groups(channels[config["name"]])
    return dict(layer, class_name="GroupNormalization", config=kept)


def called(node):
    """A call of the layer without the arguments that only BatchNormalization has: mask and training."""
    if not isinstance(node, dict):
        return node
    kept = {key: value for key, value in node.get("kwargs", {}).items() if key not in ("mask", "training")}
    return dict(node, kwargs=kept)


def groups(channels):
    """The most groups up to 32 into which the channels can be divided evenly."""
    return max(count for count in range(1, min(channels, MOST_GROUPS) + 1) if channels % count == 0)


def rebuilt(model, wanted, batch_norm_layers):
    """The variant, with the initial weights of the layers that were not changed.

    Initializers may draw from Python's and numpy's generators, which `fit` shuffles with: their states are put back,
    so that a variant changes no order of the data.
    """
    channels = {layer.name: int(layer.moving_mean.shape[0]) for layer in batch_norm_layers}
    states = random.getstate(), np.random.get_state()
    variant = type(model).from_config(changed(model.get_config(), wanted, channels))
    for old, new in zip(model.layers, variant.layers):
        if old.name not in channels and old.get_weights():
            new.set_weights(old.get_weights())
    random.setstate(states[0])
    np.random.set_state(states[1])
    return variant
