"""Replaces what a test could see of its user: home, settings, store, environments, temporary folder, variables."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from tests.support import machine

OURS = ("REPRO_", "XDG_")
# What changes a locale, colours, a terminal's size, the tools or the training of whoever runs the tests.
PREFIXES = ("KERAS_", "TF_", "XLA_", "CUDA_", "DASK_", "GIT_", "LC_")
NAMES = ("CLICOLOR", "COLORTERM", "COLUMNS", "FORCE_COLOR", "LANGUAGE", "LINES", "NO_COLOR", "PYENV_ROOT", "TZ")


def replace(patch: pytest.MonkeyPatch, home: Path, *, trains: bool = False) -> None:
    """Make `home` with its folders, point all variables at it and make `home/work` the working folder.

    `trains`: what is really installed on this machine is used, with the variables that TensorFlow reads.
    """
    for folder in ("work", "tmp"):
        (home / folder).mkdir(parents=True)
    for name in list(os.environ):
        if name.startswith(OURS) or (not trains and (name.startswith(PREFIXES) or name in NAMES)):
            patch.delenv(name)
    patch.setenv("HOME", str(home))
    patch.setenv("REPRO_STORE", str(home / "runs"))
    # Folders that only one process of a user may hold are in here: tests that run at the same time must not share them.
    patch.setenv("TMPDIR", str(home / "tmp"))
    patch.setattr(tempfile, "tempdir", None)
    patch.chdir(home / "work")
    if trains:
        patch.setenv("REPRO_ENVIRONMENTS", str(machine.ENVIRONMENTS))
        patch.setenv("PYENV_ROOT", str(machine.PYENV))
    else:
        patch.setenv("REPRO_ENVIRONMENTS", str(home / "environments"))
        patch.setenv("REPRO_NO_WARM", "1")
        patch.setenv("LANG", "C.UTF-8")
        patch.setenv("TERM", "xterm-256color")
