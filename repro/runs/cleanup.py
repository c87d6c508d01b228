"""Removes what a killed process left in a run directory: half-written files and the worker's home."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from repro.runs.layout import WORKER_HOME


def find_leftovers(run: Path) -> list[Path]:
    """Return the files that a killed process left in a run directory; the worker's home comes last."""
    home = run / WORKER_HOME
    with contextlib.suppress(OSError):
        return [*run.glob("*.part"), *run.glob("*/*.part"), *([home] if home.exists() else [])]
    return []


def remove_leftovers(run: Path) -> None:
    """Remove the files that a killed process left. The caller holds the run's lock."""
    for path in find_leftovers(run):
        if path.name == WORKER_HOME:
            shutil.rmtree(path, ignore_errors=True)
        else:
            with contextlib.suppress(OSError):
                path.unlink()
