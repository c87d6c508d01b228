"""Which Keras generation a model is of."""

import sys


def lens_of(model):
    """Return the lens of a model; TypeError where its Keras is not known."""
    for kind in type(model).__mro__:
        top = kind.__module__
        if top.startswith("keras.src.") and _has_version("keras", 3):
            from repro_recorder import keras_3

            return keras_3.Keras3Lens(sys.modules["keras"], sys.modules["tensorflow"], model)
        if top.startswith(("tf_keras.", "keras.src.engine", "tensorflow.python.keras", "keras.api")):
            from repro_recorder import tf_keras

            return tf_keras.lens_of(top, model)
        if top.startswith("keras.engine"):
            if _has_version("keras", 2) and _minor("keras") >= 4:
                from repro_recorder import tf_keras

                return tf_keras.lens_of(top, model)
            from repro_recorder import keras_2

            return keras_2.Keras2Lens(sys.modules["keras"], sys.modules["tensorflow"], model)
    raise TypeError("a model of {}".format(type(model).__module__))


def _has_version(name, major):
    version = getattr(sys.modules.get(name), "__version__", "0")
    return version.split(".")[0] == str(major)


def _minor(name):
    return int(getattr(sys.modules.get(name), "__version__", "0.0").split(".")[1])


def callback_class():
    """Return the Callback class of the Keras that is imported; TypeError where there is none."""
    for name in ("keras.callbacks", "tf_keras.callbacks", "tensorflow.keras.callbacks"):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "Callback"):
            return module.Callback
    raise TypeError("import keras before Recorder() is made")
