"""How often the kernel has killed processes here for want of memory."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


def kills(root: Path = _ROOT, proc: Path = Path("/proc")) -> int | None:
    """Processes of this one's cgroup that the kernel has killed for want of memory; None where it does not say.

    Where there is no cgroup with a count: those of the whole machine. A process that was killed otherwise counts in
    none of them.
    """
    for file in _counters(root, proc):
        with contextlib.suppress(OSError):
            found = re.search(r"^oom_kill (\d+)$", file.read_text(), re.M)
            if found:
                return int(found[1])
    return None


def _counters(root: Path, proc: Path) -> list[Path]:
    """Files that may hold the count, the nearest first; a container sees its own cgroup as the root."""
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
