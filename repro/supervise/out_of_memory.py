"""How often the kernel has killed processes because memory ran out."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def oom_kill_count(root: Path = _ROOT, proc: Path = Path("/proc")) -> int | None:
    """Return how many processes of our cgroup the kernel has killed to free memory; None if it does not say.

    Without a cgroup that counts them, those of the whole machine. Other kills are in no count.
    """
    for file in _counters(root, proc):
        with contextlib.suppress(OSError):
            match = re.search(r"^oom_kill (\d+)$", file.read_text(), re.M)
            if match:
                return int(match[1])
    return None


def _counters(root: Path, proc: Path) -> list[Path]:
    """Return files that may hold the count, the nearest first; a container sees its own cgroup as the root."""
    unified, memory = [], []
    with contextlib.suppress(OSError):
        for line in (proc / "self/cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            inside = path.lstrip("/")
            if controllers == "":
                unified += [root / inside / "memory.events", root / "memory.events"]
            elif "memory" in controllers.split(","):
                memory += [root / "memory" / inside / "memory.oom_control", root / "memory/memory.oom_control"]
    return [*memory, *unified, proc / "vmstat"]
