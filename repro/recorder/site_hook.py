"""Starts the recorder, as `sitecustomize` of a folder on PYTHONPATH; then runs the `sitecustomize` that it hides."""

import os
import sys


def _start():
    if os.environ.get("REPRO_RECORD_OFF") or not os.environ.get("REPRO_RECORD_STORE"):
        return
    try:
        import repro_recorder  # noqa: F401  # waits for Keras
    except Exception as error:
        sys.stderr.write("repro: the recorder could not be started ({}): the program continues\n".format(error))


def _chain():
    """Run the next `sitecustomize` on the path in place of this one."""
    own = os.path.dirname(os.path.abspath(__file__))
    path = [folder for folder in sys.path if os.path.abspath(folder or ".") != own]
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    spec = PathFinder.find_spec("sitecustomize", path)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_start()
_chain()
