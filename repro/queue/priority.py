"""A low priority for work that nobody waits for yet, in so far as it can be undone when somebody does."""

from __future__ import annotations

import contextlib
import os
import re
import resource
from pathlib import Path

LOWEST = 19
_CAP_SYS_NICE = 23


class LowPriority:
    """From its making on, this process and those it starts run after all others; `end` takes that back.

    Without a privilege the kernel lets nobody lower a nice value again: then only the scheduling class is changed, by
    which they do not interrupt others.
    """

    def __init__(self) -> None:
        self._nice = os.getpriority(os.PRIO_PROCESS, 0)
        self._is_niced = _may_lower_nice(self._nice)
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        if self._is_niced:
            os.setpriority(os.PRIO_PROCESS, 0, LOWEST)

    def end(self, *pids: int) -> None:
        """Give all threads of this process and of those with these ids their usual priority back."""
        for pid in (os.getpid(), *pids):
            for thread in _threads(pid):
                with contextlib.suppress(ProcessLookupError, PermissionError):  # a thread may just have ended
                    os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
                    if self._is_niced:
                        os.setpriority(os.PRIO_PROCESS, thread, self._nice)


def _may_lower_nice(value: int) -> bool:
    """Whether this process may set a nice value down to `value`."""
    allowed, _ = resource.getrlimit(resource.RLIMIT_NICE)
    if allowed == resource.RLIM_INFINITY or 20 - allowed <= value:
        return True
    try:
        found = re.search(r"^CapEff:\s*([0-9a-f]+)$", Path("/proc/self/status").read_text(), re.M)
    except OSError:
        return False
    return found is not None and bool(int(found[1], 16) >> _CAP_SYS_NICE & 1)


def _threads(pid: int) -> list[int]:
    try:
        return [int(thread.name) for thread in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return []
