"""Out of memory is named as such, and only then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.supervise import out_of_memory
from tests.support.places import Place, said
from tests.support.stage import Stage

KILLED = "os.kill(os.getpid(), signal.SIGKILL)"


def test_a_worker_that_the_kernel_kills_for_want_of_memory(place: Place, limited: Callable[[], None]) -> None:
    place.worker("send('stage_started', stage='fit'); epoch(1)\nkept = []\nwhile True: kept.append(b'x' * 4_000_000)")
    answer = place.run(preexec_fn=limited)
    assert answer.code == 4
    assert "failed (out of memory: the kernel killed the worker): see " in said(answer)[0]
    (run,) = place.runs()
    assert run.state() == "failed" and run.progress().epoch == 1


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ((3, 3), "the worker was killed by SIGKILL"),
        ((3, 4), "out of memory: the kernel killed the worker"),
        ((None, None), "the worker was killed by SIGKILL (probably out of memory: the kernel kills so)"),
    ],
)
def test_a_kill_is_laid_at_the_kernels_door_only_where_it_counted_one(
    stage: Callable[..., Stage], monkeypatch: pytest.MonkeyPatch, counts: tuple[Any, Any], reason: str
) -> None:
    left = list(counts)
    monkeypatch.setattr(out_of_memory, "oom_kill_count", lambda: left.pop(0))
    one = stage(KILLED)
    assert one() == 4
    assert one.reason == reason


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("send('worker_failed', kind='MemoryError', message='out of memory')", "out of memory (MemoryError)"),
        (
            "send('worker_failed', kind='ResourceExhaustedError', message='OOM when allocating tensor with shape[9]')",
            "out of memory (ResourceExhaustedError: OOM when allocating tensor with shape[9])",
        ),
        (
            "send('worker_failed', kind='OSError', message='[Errno 12] Cannot allocate memory')",
            "out of memory (OSError: [Errno 12] Cannot allocate memory)",
        ),
    ],
)
def test_a_worker_that_says_itself_that_memory_ran_out(stage: Callable[..., Stage], message: str, reason: str) -> None:
    one = stage(message)
    assert one() == 4
    assert one.reason == reason


def test_the_count_is_that_of_the_nearest_cgroup(tmp_path: Path) -> None:
    proc, root = tmp_path / "proc", tmp_path / "cgroup"
    (proc / "self").mkdir(parents=True)

    def write(file: Path, text: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    assert out_of_memory.oom_kill_count(root, proc) is None
    write(proc / "vmstat", "oom_kill 1\n")
    assert out_of_memory.oom_kill_count(root, proc) == 1
    write(proc / "self" / "cgroup", "4:memory:/a/b\n0::/c\n")
    write(root / "c" / "memory.events", "oom 9\noom_kill 2\n")
    assert out_of_memory.oom_kill_count(root, proc) == 2
    write(root / "memory" / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    assert out_of_memory.oom_kill_count(root, proc) == 3
    write(root / "memory" / "a/b" / "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 4\n")
    assert out_of_memory.oom_kill_count(root, proc) == 4
    write(root / "memory" / "a/b" / "memory.oom_control", "an older kernel\n")
    assert out_of_memory.oom_kill_count(root, proc) == 3
