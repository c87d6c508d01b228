"""Stores that cannot be written or read: one line and exit code 3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.command_line import Repro
from tests.support.disks import mounted
from tests.support.installations import install_stand_in


@pytest.mark.parametrize("how", ["--store", "after", "variable"])
def test_store_under_a_file(
    repro: Repro, own_environments: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    install_stand_in(own_environments)
    file = tmp_path / "file"
    file.write_text("")
    place = file / "store"
    if how == "variable":
        monkeypatch.setenv("REPRO_STORE", str(place))
        answer = repro("run", "original-bug")
    else:
        before, after = (["--store", place], []) if how == "--store" else ([], ["--store", place])
        answer = repro(*before, "run", "original-bug", *after)
    answer.refused(3, f"{place}: the store cannot be written (Not a directory): name another folder with --store")


def test_store_that_is_a_file(repro: Repro, own_environments: Path, tmp_path: Path) -> None:
    install_stand_in(own_environments)
    (tmp_path / "file").write_text("")
    repro("--store", tmp_path / "file", "run", "original-bug").refused(3, "name another folder with --store")
    repro("--store", tmp_path / "file", "runs").refused(3, "the store cannot be read")
    repro("--store", tmp_path / ("x" * 5000), "run", "original-bug").refused(3, "File name too long")


@pytest.fixture
def mount(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """A function that mounts a tmpfs with options."""
    mounts: list[Iterator[Path]] = []

    def mount_tmpfs(options: str) -> Path:
        mounts.append(mounted(tmp_path / f"mount-{len(mounts)}", "-t", "tmpfs", "-o", options, "tmpfs"))
        return next(mounts[-1])

    yield mount_tmpfs
    for one in mounts:
        next(one, None)


def test_read_only_store(repro: Repro, own_environments: Path, mount: Callable[[str], Path]) -> None:
    install_stand_in(own_environments)
    place = mount("ro,size=1m")
    words = "the store cannot be written (Read-only file system): name another folder with --store"
    repro("--store", place, "run", "original-bug").refused(3, f"{place}: {words}")
    repro("--store", place / "below", "run", "original-bug").refused(3, words)
    assert repro("--store", place, "runs").code == 0
    assert list(place.iterdir()) == []


def test_full_store(repro: Repro, own_environments: Path, mount: Callable[[str], Path]) -> None:
    install_stand_in(own_environments)
    place = mount("size=1m")
    with (place / "filler").open("wb") as stream, pytest.raises(OSError):
        stream.write(bytes(2_000_000))
    words = "(No space left on device): free some space, or name another folder with --store"
    repro("--store", place, "run", "original-bug").refused(3, words)
    with (place / "filler").open("r+b") as stream:
        stream.truncate(1_000_000)
    repro("--store", place, "run", "original-bug").refused(3, words)
    assert [entry.name for entry in place.iterdir()] == ["filler"]
