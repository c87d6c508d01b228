"""Loads the worker's folder as the package `repro_worker`, as `repro/worker/__main__.py` does. For Python 3.6, too."""

import importlib.util
import os
import sys


def load(folder):
    """Make `import repro_worker` work."""
    spec = importlib.util.spec_from_file_location(
        "repro_worker",
        os.path.join(folder, "__init__.py"),
        submodule_search_locations=[folder],
    )
    sys.modules["repro_worker"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules["repro_worker"])
