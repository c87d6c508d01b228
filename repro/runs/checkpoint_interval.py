"""How often a run writes a checkpoint."""

from __future__ import annotations

import os

from repro.base.errors import InputError
from repro.base.text import one_line

VARIABLE = "REPRO_CHECKPOINT_SECONDS"
DEFAULT_SECONDS = 60.0
MAX_SECONDS = 86_400


def checkpoint_seconds() -> float:
    """Return the seconds between checkpoints: $REPRO_CHECKPOINT_SECONDS, or 60; InputError if it is not a number."""
    text = os.environ.get(VARIABLE)
    if not text:
        return DEFAULT_SECONDS
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= MAX_SECONDS:
        raise InputError(f"{VARIABLE}: {one_line(text, 40)!r} is no number of seconds", do=f"0 to {MAX_SECONDS}")
    return seconds
