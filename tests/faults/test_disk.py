"""Disks that are full, read-only, slow or another file system: one clear line, and everything before stays readable."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from repro.base.errors import UnusableError
from repro.base.files import sha256
from repro.runs import events, result
from repro.runs.directory import RESERVE_BYTES
from repro.runs.store import Store
from repro.supervise import supervisor, worker_process
from tests.support.disks import mounted
from tests.support.paths import ROOT
from tests.support.places import Place, said, states
from tests.support.runs.planned import create, whole, write_events
from tests.support.stage import Stage
from tests.support.stand_in_worker import WHOLE, WRITES

FULL = "No space left on device"


@pytest.fixture
def small(place: Place) -> Iterator[Place]:
    """A place whose store lies on a disk of 1 MiB."""
    for folder in mounted(place.path / "disk", "-t", "tmpfs", "-o", "size=1m", "tmpfs"):
        place.store = folder / "store"
        yield place


def fill(store: Path, left: int) -> Path:
    """Leave `left` bytes on the disk of `store`; the file that takes the others."""
    filler = store.parent / "filler"
    with filler.open("wb") as stream:
        found = os.statvfs(store.parent)
        os.posix_fallocate(stream.fileno(), 0, max(1, found.f_bavail * found.f_frsize - left))
    return filler


def writes(place: Place) -> None:
    """A worker that writes what a real one writes, with the real one's own code."""
    (place.path / "files_of_the_worker.py").write_text((ROOT / "repro/worker/files.py").read_text())
    place.worker(f"WORKER = {str(place.path)!r}\n" + WRITES)


# -- full -------------------------------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_disk_that_is_full_at_every_write_in_turn(
    small_disk: Path, stage: Callable[..., Stage], tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    """From no room at all, 8 KiB more each time, until the run fits: wherever it ends, it is told, nothing is lost."""
    (tmp_path / "files_of_the_worker.py").write_text((ROOT / "repro/worker/files.py").read_text())
    script = f"WORKER = {str(tmp_path)!r}\n" + WRITES
    before = stage(script, small_disk / "store")
    assert before() == 0
    hashes = before.run.result().files  # type: ignore[union-attr]
    store = Store(small_disk / "store")
    ends: list[str] = []
    while ends[-1:] != ["finished"]:
        filler = fill(store.path, 8192 * len(ends))
        try:
            one = stage(script, store.path)
            code = one()
        except UnusableError as error:
            assert FULL in str(error) and error.do == "free some space, or name another folder with --store"
            ends.append("not begun")
            assert [path.name for path in store.path.iterdir()] == [before.run.id]
            continue
        finally:
            filler.unlink()
            assert all(sha256(before.run.file(name)) == digest for name, digest in hashes.items())
        ends.append(one.run.state())
        if code != 0:
            assert (code, ends[-1]) == (4, "failed") and FULL in one.reason and one.reason.isprintable()
            assert not list(one.run.path.rglob("*.part"))
            assert one.resume() == 0  # there is room again
        result = one.run.result()
        assert result is not None and len(result.measurements["fit"]["loss"]) == 3
        assert one.run.file("arrays/trace.f32").stat().st_size >= 18_000
        shutil.rmtree(one.run.path)
    record_property("tried", len(ends))
    assert ends.count("not begun") > 1 and ends.count("failed") > 10, ends


def test_the_last_event_has_room_of_its_own(small: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Events alone fill the disk to its last byte."""
    small.worker("epoch(1)\nwhile True: send('warned', message='x' * 3001)")
    answer = small.run()
    assert answer.code == 4 and FULL in said(answer)[0]
    (run,) = small.runs()
    assert (run.state(), run.progress().ended.reason) == ("failed", f"the run could not be written ({FULL})")  # type: ignore[union-attr]
    assert run.progress().epoch == 1
    assert run.file("run.lock").stat().st_size == 0


def test_the_reserve_is_kept_while_a_run_lives_and_given_back(stage: Callable[[str], Stage]) -> None:
    one = stage(WHOLE)
    sizes: list[int] = []
    assert one(lambda _: sizes.append(one.run.file("run.lock").stat().st_size)) == 0
    assert set(sizes) == {RESERVE_BYTES}
    assert one.run.file("run.lock").stat().st_size == 0


def test_commands_on_a_full_disk(small: Place) -> None:
    writes(small)
    assert small.run().code == 0
    small.worker("epoch(1); sys.exit(1)")
    assert small.run().code == 4
    finished, failed = small.runs()
    events_before = failed.file("events.jsonl").read_bytes()
    filler = fill(small.store, 0)
    small.run().refused(3, FULL, "free some space")
    small("resume", failed.id, "--plain").refused(3, FULL)
    small("export", finished.id, "-o", small.store.parent / "b.zip").refused(3, FULL, "free some space")
    assert failed.file("events.jsonl").read_bytes() == events_before
    assert states(small("runs", "--json")) == ["finished", "failed"]
    for arguments in (["show", finished.id], ["watch", finished.id, "--plain"], ["compare", finished.id, finished.id]):
        assert small(*arguments).code == 0
    assert small("delete", failed.id).code == 0  # a rename
    assert states(small("runs", "--json")) == ["finished"]
    assert sorted(path.name for path in small.store.parent.iterdir()) == ["filler", "store"]
    filler.unlink()
    assert small("export", finished.id, "-o", small.store.parent / "b.zip").code == 0


def test_a_result_that_does_not_fit_is_written_by_a_resume(
    stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = stage(WHOLE)

    def full(path: Path, _: bytes) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as patched:
        patched.setattr(result, "write_durably", full)
        assert one() == 4
    assert (one.run.state(), one.reason) == ("failed", f"the run could not be written (result.json: {FULL})")
    worker_process.WORKER.write_text("raise SystemExit(1)")
    assert one.resume() == 0
    assert one.run.state() == "finished"


def test_a_resume_without_room_for_its_last_event_changes_nothing(
    folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, lock = create(folder, store)
    write_events(run, *whole())
    before = run.file("events.jsonl").read_bytes()

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    one = Stage(run, lock)
    with pytest.raises(UnusableError, match=f"cannot be written \\({FULL}\\): free some space"):
        one()
    assert run.file("events.jsonl").read_bytes() == before and not run.is_locked()


def test_a_quota_is_told_like_a_full_disk(folder: Path, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def over(*_: Any) -> None:
        raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))

    monkeypatch.setattr("repro.runs.store.write_durably", over)
    with pytest.raises(UnusableError, match=r"Disk quota exceeded.*: free some space"):
        create(folder, store)
    assert list(store.iterdir()) == []


# -- read-only, elsewhere, slow ---------------------------------------------------------------------------------------


def test_a_read_only_store_is_read_and_not_written(place: Place) -> None:
    assert place.run().code == 0
    place.worker("epoch(1); sys.exit(1)")
    assert place.run().code == 4
    finished, failed = (run.id for run in place.runs())
    for folder in mounted(place.path / "disk", "--bind", "-o", "ro", str(place.store)):
        subprocess.run(["mount", "-o", "remount,ro,bind", folder], check=True)
        place.store = folder
        assert states(place("runs", "--json")) == ["finished", "failed"]
        for arguments in (["show", finished], ["watch", finished, "--plain"], ["list"], ["compare", finished, failed]):
            assert place(*arguments).code in (0, 1)
        assert place("export", finished, "-o", place.path / "b.zip").code == 0
        remedy = "name another folder with --store"
        place.run().refused(3, "Read-only file system", remedy)
        place("resume", failed).refused(3, "Read-only file system", remedy)
        place("delete", finished).refused(3, "Read-only file system")
        findings = place("doctor", "--json")
        assert findings.code == 3
        (store,) = [one for one in json.loads(findings.out)["findings"] if one["subject"] == "store"]
        assert store["severity"] == "error" and "Read-only file system" in store["message"]


def test_a_store_on_another_file_system_than_the_temporary_one(small: Place) -> None:
    writes(small)
    assert small.store.parent.stat().st_dev != Path("/tmp").stat().st_dev
    assert small.run().code == 0
    assert small("export", "last", "-o", small.path / "b.zip").code == 0
    assert small("verify", small.path / "b.zip", "--no-run").code == 0
    assert small("delete", "last").code == 0
    assert (small.store / ".trash").is_dir() and small.runs() == []


def test_a_slow_disk_delays_a_run_and_nothing_else(
    stage: Callable[[str], Stage], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every fsync takes 0.3 s, and each of ten checkpoints wants one."""
    real = os.fsync

    def slow(descriptor: int) -> None:
        time.sleep(0.3)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", slow)
    monkeypatch.setattr(supervisor, "HEARTBEAT_SECONDS", 0.2)
    one = stage(
        "for n in range(10):\n"
        "    send('checkpoint_written', epoch=1, file='x', sha256='0', bytes=1, seconds=0.1); time.sleep(0.3)\n" + WHOLE
    )
    assert one() == 0
    assert one.run.state() == "finished"
    beats = [event.time for event in one.seen if isinstance(event, events.Heartbeat)]
    assert len(beats) > 3
    assert [event.seq for event in one.seen] == list(range(len(one.seen)))


def test_the_store_is_swept_on_a_full_disk_too(small: Place) -> None:
    """Leftovers may be what fills it."""
    small.worker("epoch(1); sys.exit(1)")
    assert small.run().code == 4
    (run,) = small.runs()
    run.file("worker-home").mkdir()
    fill(small.store, 0)
    with pytest.raises(UnusableError, match=FULL):
        Store(small.store).check_writable()
