"""Opens what command-line arguments name if runs and bundles are both allowed."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from repro.bundle.read import opened
from repro.runs.store import Store
from repro.runs.view import RunView


def is_bundle(argument: str) -> bool:
    """Return whether an argument names a bundle file."""
    return "/" in argument or argument.endswith(".zip")


def open_runs(arguments: Sequence[str], store: Store, stack: contextlib.ExitStack) -> list[RunView]:
    """Return all runs that the arguments name; bundles are unpacked into temporary folders that `stack` removes."""
    views: list[RunView] = []
    for argument in arguments:
        if is_bundle(argument):
            views += stack.enter_context(opened(Path(argument))).runs
        else:
            views.append(RunView(store.find(argument)))
    return views
