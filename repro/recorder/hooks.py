"""Waits for the modules of Keras that hold Model and CallbackList, and wraps these when they are imported."""

import os
import sys

from repro_recorder import process

# Module: the classes that it defines, and how each is wrapped.
MODULES = {
    "keras.src.backend.tensorflow.trainer": {"TensorFlowTrainer": "model"},
    # Only TensorFlow's trainer can be recorded; that another one was there is said.
    "keras.src.backend.jax.trainer": {"JAXTrainer": "jax"},
    "keras.src.backend.torch.trainer": {"TorchTrainer": "torch"},
    "keras.src.callbacks.callback_list": {"CallbackList": "callbacks"},
}
for prefix in ("tf_keras.src", "keras.src", "keras", "tensorflow.python.keras"):
    MODULES[prefix + ".engine.training"] = {"Model": "model"}
    MODULES[prefix + ".callbacks"] = {"CallbackList": "callbacks"}


class Finder:
    """A finder on `sys.meta_path` that changes nothing of an import but what is done after it."""

    def find_spec(self, name, path=None, target=None):
        """Return the spec that the other finders have, with a step after the module has run."""
        if name not in MODULES:
            return None
        for finder in sys.meta_path:
            if finder is self or not hasattr(finder, "find_spec"):
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                self._extend(spec)
                return spec
        return None

    @staticmethod
    def _extend(spec):
        loader = spec.loader
        original = getattr(loader, "exec_module", None)
        if original is None:
            return

        def exec_module(module):
            original(module)
            process.guarded("hook", wrap, module)

        try:
            loader.exec_module = exec_module
        except AttributeError:
            pass


def wrap(module):
    """Wrap the classes of a module that was imported."""
    from repro_recorder import wrappers

    owner = process.current()
    for name, how in MODULES[module.__name__].items():
        kind = module.__dict__.get(name)
        if kind is None or not isinstance(kind, type):
            continue
        if how == "model":
            wrappers.wrap_model(kind)
            owner.mark("keras", owner.pid, module.__name__.split(".")[0])
        elif how == "callbacks":
            wrappers.wrap_callbacks(kind)
        else:
            owner.mark("backend", owner.pid, how)


def install():
    """Wrap what is imported already, and wait for the rest."""
    from repro_recorder import wrappers

    process.current()
    wrappers.MODE["all"] = wrappers.MODE["all"] or bool(os.environ.get("REPRO_RECORD_STORE"))
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return
    for name in MODULES:
        module = sys.modules.get(name)
        if module is not None:
            process.guarded("hook", wrap, module)
    sys.meta_path.insert(0, Finder())
