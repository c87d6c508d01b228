"""Bundles that are written: the same bytes each time, small, and without what must not leave."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.base.errors import InputError, UnusableError
from repro.bundle import export, read
from repro.bundle.archive import zipped
from repro.runs.view import RunView
from tests.support.bundles import Files
from tests.support.command_line import Repro
from tests.support.runs.copied import digest, make_run


def test_the_same_run_gives_the_same_bytes(store: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = make_run(store)
    first = zipped(export.collect([run]).files)
    monkeypatch.chdir(tmp_path)
    os.utime(run.run.file("run.json"), (1, 1))
    time.sleep(0.01)
    assert zipped(export.collect([RunView(run.run)]).files) == first


def test_the_manifest_lists_every_file_as_stored(good_files: Files) -> None:
    manifest = json.loads(good_files["bundle.json"])
    assert {entry["path"]: entry["sha256"] for entry in manifest["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in good_files.items() if name != "bundle.json"
    }


def test_originals_are_named_where_something_was_replaced(store: Path) -> None:
    def environment(record: dict[str, Any]) -> None:
        record["facts"]["variables"]["KERAS_HOME"] = "/srv/people/anna/x"

    run = make_run(store, environment=environment)
    contents = export.collect([run])
    assert contents.manifest is not None
    entry = next(entry for entry in contents.manifest.files if entry.path.endswith("environment.json"))
    assert entry.original_sha256 == digest(run.run.file("environment.json").read_bytes()) != entry.sha256


def test_export_writes_and_says_so(run: RunView, tmp_path: Path, repro: Repro, scratch: Path) -> None:
    target = tmp_path / "out.zip"
    code, out, err = repro("export", "last", "-o", target, "--json")
    found = json.loads(out)
    assert (code, err) == (0, "")
    assert found["sha256"] == digest(target.read_bytes()) and found["bytes"] == target.stat().st_size
    with read.opened(target) as bundle:
        assert [one.id for one in bundle.runs] == [run.id]


def test_preview_writes_nothing(run: RunView, tmp_path: Path, repro: Repro, scratch: Path) -> None:
    before = sorted(tmp_path.rglob("*"))
    code, out, _ = repro("export", "last", "--preview", "-o", tmp_path / "x.zip")
    assert code == 0 and "bundle.json" in out and "bytes" in out
    assert sorted(tmp_path.rglob("*")) == before


def test_no_images(run: RunView, repro: Repro, tmp_path: Path, scratch: Path) -> None:
    target = tmp_path / "out.zip"
    assert repro("export", "last", "-o", target, "--no-images")[0] == 0
    with zipfile.ZipFile(target) as archive:
        assert not [name for name in archive.namelist() if name.endswith((".png", "images.npy"))]
    code, _, err = repro("verify", target)
    assert code == 2 and "--images DIR" in err


def test_export_over_an_existing_file_is_refused(run: RunView, tmp_path: Path, repro: Repro) -> None:
    target = tmp_path / "out.zip"
    target.write_bytes(b"mine")
    code, _, err = repro("export", "last", "-o", target)
    assert code == 2 and "is there already" in err and target.read_bytes() == b"mine"
    target.unlink()
    target.symlink_to(tmp_path / "elsewhere")
    assert repro("export", "last", "-o", target)[0] == 2


@pytest.mark.parametrize("too_many", ["runs", "files"])
def test_nothing_is_written_that_no_reader_takes(good_files: Files, tmp_path: Path, too_many: str) -> None:
    manifest = json.loads(good_files["bundle.json"])
    manifest[too_many] = manifest[too_many] * (501 if too_many == "runs" else 10_001)
    contents = export.Contents({**good_files, "bundle.json": json.dumps(manifest).encode()})
    with pytest.raises(InputError, match="larger than a reader accepts: export fewer runs"):
        export.write(contents, tmp_path / "b.zip")
    assert not [*tmp_path.iterdir()]


def test_export_to_a_full_disk_leaves_nothing(run: RunView, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    contents = export.collect([run])
    monkeypatch.setattr(os, "fsync", full)
    folder = tmp_path / "full"
    folder.mkdir()
    with pytest.raises(UnusableError, match="No space left"):
        export.write(contents, folder / "out.zip")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("export",),
        ("export", "last"),
        ("export", "nonexistent", "-o", "x.zip"),
        ("export", "last", "-o", "x.zip", "--no-images", "--with-images"),
        ("export", "last", "-o", "nowhere/at/all/x.zip"),
        ("export", "last", "-o", "x.tar"),
        ("compare",),
        ("compare", "last"),
        ("compare", "last", "./none.zip"),
        ("verify",),
    ],
)
def test_bad_options(arguments: tuple[str, ...], run: RunView, repro: Repro, tmp_path: Path) -> None:
    code, out, err = repro(*arguments)
    assert code == 2 and not out and err.count("\n") == 1


def test_a_running_run_is_not_exported(run: RunView) -> None:
    run.run.file("result.json").unlink()
    with run.run.acquire(), pytest.raises(InputError, match="is running"):
        export.collect([RunView(run.run)])


def test_a_run_that_broke_off_is_exported_as_far_as_it_goes(store: Path, tmp_path: Path) -> None:
    run = make_run(store, finished=False)
    run.run.file("environment.json").unlink()
    run.run.file("worker.log").unlink()
    events = run.run.file("events.jsonl")
    events.write_bytes(events.read_bytes().split(b"\n")[0] + b'\n{"event":"stage_st')
    contents = export.collect([RunView(run.run)])
    export.write(contents, tmp_path / "b.zip")
    assert b"interrupted" in contents.files["README.md"]
    with read.opened(tmp_path / "b.zip") as bundle:
        assert bundle.manifest.runs[0].state == "interrupted"
        assert bundle.runs[0].measurements["fit"] == {"loss": [], "accuracy": []}


def test_a_damaged_run_is_one_line(run: RunView, repro: Repro) -> None:
    run.run.file("environment.json").write_bytes(b"{")
    code, _, err = repro("export", "last", "--preview")
    assert code == 2 and err.count("\n") == 1


def test_a_run_that_is_not_as_it_was_left_is_not_exported(store: Path, repro: Repro) -> None:
    run = make_run(store, log="loaded /home/qarnavel/thing\n", run=lambda data: data["command"].append("mine"))
    target = store.parent / "again.zip"
    first = store.parent / "first.zip"
    assert repro("export", run.id, "-o", first)[0] == 0
    with zipfile.ZipFile(first) as archive:
        archive.extractall(store.parent / "unpacked")
    unpacked = store.parent / "unpacked" / "runs"
    code, out, err = repro("--store", unpacked, "export", run.id, "-o", target)
    assert (code, out) == (2, "") and "is not as the run left it" in err and "pass on the bundle" in err, err
    assert not target.exists() and err.count("\n") == 1


def test_html_in_texts_is_escaped(store: Path) -> None:
    evil = "<script>alert(1)</script><img src=http://x/y>"

    def scenario(text: str) -> str:
        return text.replace("title: 100 % in fit", f"title: '{evil} 100 % in fit").replace(
            "same three images\n", "same'\n"
        )

    files = export.collect([make_run(store, scenario=scenario)]).files
    page = files["report.html"].decode()
    assert "<script" not in page and "<img src=http" not in page and "&lt;script&gt;" in page
    assert "<script" not in files["README.md"].decode()


def test_the_page_asks_for_nothing(good_files: Files) -> None:
    page = good_files["report.html"].decode()
    assert "default-src 'none'" in page and "<script" not in page
    assert not [word for word in ("http://", "https://", "url(", "@import", "<link") if word in page]


def test_a_1000_epoch_run_is_small(store: Path, tmp_path: Path) -> None:
    events = [
        {"event": "epoch_finished", "time": 0.0, "epoch": epoch, "loss": 1.0 / epoch, "accuracy": 1.0, "seconds": 0.5}
        for epoch in range(6, 1001)
    ]
    ended = {"event": "run_ended", "time": 0.0, "state": "stopped", "reason": "stopped", "exit_code": 4}
    run = make_run(store, more_events=[*events, ended], finished=False)
    for name in ("moving", "batch"):
        for epoch in (100, 200, 1000):
            np.save(run.run.file(f"arrays/{name}-statistics-{epoch:07d}.npy"), np.random.rand(53120).astype("f4"))
    export.write(export.collect([run]), tmp_path / "x.zip")
    assert (tmp_path / "x.zip").stat().st_size < 5_000_000
