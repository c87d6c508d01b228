"""Says in one line why a worker did not finish its run."""

from __future__ import annotations

import signal

from repro.base.text import one_line
from repro.runs import events


def describe_failure(failure: events.WorkerFailed) -> str:
    """Return the fault that the worker reported."""
    if failure.kind == "OwnModelError":
        return failure.message
    if failure.kind == "MemoryError":
        return "out of memory (MemoryError)"
    message = f"{failure.kind}: {failure.message}"
    is_memory = failure.kind == "ResourceExhaustedError" or "Cannot allocate memory" in failure.message
    return f"out of memory ({one_line(message, 400)})" if is_memory else message


def describe_exit(exit_code: int, oom_kills_before: int | None, oom_kills_after: int | None) -> str:
    """Return how a worker ended that reported nothing; `exit_code` is that of subprocess, negative for a signal.

    The out-of-memory counts of the kernel tell its kills from others; None: it does not count them.
    """
    if exit_code >= 0:
        return f"the worker ended with exit code {exit_code} and no result"
    number = signal.Signals(-exit_code)
    if number != signal.SIGKILL:
        return f"the worker was killed by {number.name}"
    if oom_kills_before is None or oom_kills_after is None:
        return "the worker was killed by SIGKILL (probably out of memory: the kernel kills so)"
    if oom_kills_after > oom_kills_before:
        return "out of memory: the kernel killed the worker"
    return "the worker was killed by SIGKILL"
