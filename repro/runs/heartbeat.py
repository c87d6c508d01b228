"""Signs of life of a run whose lock cannot be seen, because another kernel holds it."""

from __future__ import annotations

import time
from pathlib import Path

from repro.runs import events

FRESH_SECONDS = 20.0


def boot_id() -> str:
    """Return what identifies this boot of this kernel; an empty string if the kernel does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def is_foreign(beat: events.Heartbeat | events.RunStarted | None) -> bool:
    """Return whether a run's latest sign of life is fresh and comes from another kernel.

    One from the future does not count: a clock was set back, and the run could never be resumed.
    """
    return beat is not None and beat.boot_id != boot_id() and abs(time.time() - beat.time) < FRESH_SECONDS
