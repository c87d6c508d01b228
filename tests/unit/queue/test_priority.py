"""A low priority that can end."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from repro.queue import priority


def test_a_low_priority_ends() -> None:
    """In a process of its own: what was set can be taken back, for its threads, too."""
    program = """
import os, threading
from repro.queue.priority import LowPriority
before = os.getpriority(os.PRIO_PROCESS, 0)
low = LowPriority()
assert os.sched_getscheduler(0) == os.SCHED_BATCH
wait = threading.Event()
thread = threading.Thread(target=wait.wait)
thread.start()
low.end()
for one in map(int, os.listdir("/proc/self/task")):
    assert os.sched_getscheduler(one) == os.SCHED_OTHER and os.getpriority(os.PRIO_PROCESS, one) == before
wait.set()
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=dict(os.environ), check=False
    )
    assert done.returncode == 0, done.stderr


def test_without_a_privilege_no_nice_value_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priority.resource, "getrlimit", lambda _: (0, 0))
    monkeypatch.setattr(priority.Path, "read_text", lambda _: "CapEff:\t0000000000000000\n")
    assert not priority._may_lower_nice(0)
    monkeypatch.setattr(priority.resource, "getrlimit", lambda _: (20, 20))
    assert priority._may_lower_nice(0)
    assert not priority._may_lower_nice(-1)
