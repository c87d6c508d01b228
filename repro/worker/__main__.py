"""Started as `PYTHON -s -u repro/worker EVENT_DESCRIPTOR`, with one JSON request on standard input."""

import importlib.util
import os
import sys


def load_package():
    """This folder as the package `repro_worker`, so that its file names shadow nothing on the module path."""
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != folder]
    spec = importlib.util.spec_from_file_location(
        "repro_worker", os.path.join(folder, "__init__.py"), submodule_search_locations=[folder]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules["repro_worker"] = module
    spec.loader.exec_module(module)


if __name__ == "__main__":
    load_package()
    from repro_worker.session import main

    code = main(sys.argv[1:])
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # all files are closed; TensorFlow's own teardown takes two seconds more
