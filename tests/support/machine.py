"""What this machine really has, read before the tests get a home of their own."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from repro.environment import definition

VARIABLES = dict(os.environ)
ENVIRONMENTS = definition.installations_folder()
PYENV = Path(VARIABLES.get("PYENV_ROOT") or Path.home() / ".pyenv")


def find_python(version: str) -> Path | None:
    """Return an interpreter of a minor version ("3.6"), pyenv's or one on PATH; None if there is none."""
    on_path = shutil.which(f"python{version}", path=VARIABLES.get("PATH"))
    candidates = [*PYENV.glob(f"versions/{version}.*/bin/python"), *([Path(on_path)] if on_path else [])]
    return next((python for python in candidates if "shims" not in python.parts), None)


def with_installed_environments() -> dict[str, str]:
    """Return this process's variables, changed so that a child uses the environments that are really installed.

    For fixtures of a wider scope than one test; tests marked real, longest or evidence have them anyway.
    """
    return {**os.environ, definition.VARIABLE: str(ENVIRONMENTS)}
