"""`repro import`: what is taken in, and what is refused before anything is."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from repro.base.errors import InputError
from repro.cli import run_command_line
from repro.recording.intake import take_in
from repro.runs.store import Store


def test_a_folder_is_copied_and_closed_once(recording: Path, store: Store) -> None:
    before = sorted(path.name for path in recording.rglob("*"))
    (taken,) = take_in(recording.parent, store)
    assert (taken.state, taken.is_new, taken.run.state()) == ("finished", True, "finished")
    assert sorted(path.name for path in recording.rglob("*")) == before
    result = taken.run.result()
    assert result is not None and result.verdict == "INCONCLUSIVE" and "events.jsonl" in result.files
    (again,) = take_in(recording, store)
    assert not again.is_new and len(store.runs()) == 1


def test_one_of_the_store_is_closed_where_it_is(recording: Path, store: Store) -> None:
    store.path.mkdir()
    shutil.copytree(recording, store.path / recording.name)
    (taken,) = take_in(store.path / recording.name, store)
    assert not taken.is_new and taken.run.state() == "finished"


def edit_record(path: Path, **fields: object) -> None:
    file = path / "run.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def link(path: Path) -> None:
    (path / "requirements.lock").unlink()
    (path / "requirements.lock").symlink_to("/etc/passwd")


def lie_about_outputs(path: Path) -> None:
    file = path / "events.jsonl"
    file.write_text(file.read_text().replace('"outputs": "arrays/fit-1-fit-inference.npy"', '"outputs": "../x.npy"'))


def add_unknown_event(path: Path) -> None:
    with (path / "events.jsonl").open("a") as stream:
        stream.write('{"event":"x"}\n')


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a file of another kind": (lambda path: (path / "run.py").write_text("import os"), "run.py does not belong"),
    "a folder": (lambda path: (path / "weights").mkdir(), "weights does not belong"),
    "an array of another kind": (lambda path: (path / "arrays/x.pkl").write_text("x"), "arrays/x.pkl does not belong"),
    "an array that is none": (lambda path: (path / "arrays/x.npy").write_text("x"), "damaged"),
    "an array of objects": (
        lambda path: (path / "arrays/x.npy").write_bytes(
            b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }".ljust(117) + b"\n."
        ),
        "damaged",
    ),
    "a link": (link, "requirements.lock is not a regular file"),
    "a pipe": (lambda path: os.mkfifo(path / "script.py"), "script.py is not a regular file"),
    "no record": (lambda path: (path / "run.json").unlink(), "holds no recordings"),
    "no events": (lambda path: (path / "events.jsonl").unlink(), "has no events.jsonl"),
    "empty events": (lambda path: (path / "events.jsonl").write_text(""), "holds no events"),
    "another's name": (
        lambda path: edit_record(path, id="20200101T000000.000000Z-x-recorded-s0-aaaa"),
        "says that it is",
    ),
    "another environment": (lambda path: edit_record(path, environment="keras-3"), "is not a recording"),
    "not recorded": (lambda path: edit_record(path, recorded=None), "damaged"),
    "a later format": (lambda path: edit_record(path, format=2), "update repro"),
    "a file outside": (lie_about_outputs, "damaged"),
    "an event of no kind": (add_unknown_event, "damaged"),
    "a huge file": (lambda path: os.truncate(path / "run.json", 2**21), "damaged|larger than 1 MiB"),
    "a bad environment": (lambda path: (path / "environment.json").write_text("["), "damaged"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_must_not_be_is_refused_in_one_line(fault: str, recording: Path, store: Store) -> None:
    spoil, message = FAULTS[fault]
    spoil(recording)
    with pytest.raises(InputError, match=message) as caught:
        take_in(recording, store)
    assert "\n" not in str(caught.value) and store.runs() == []


def test_one_that_is_still_recorded_is_refused(recording: Path, store: Store) -> None:
    with (recording / "run.lock").open("ab") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="still being recorded"):
            take_in(recording, store)


@pytest.mark.parametrize("name", ["../outside/run.json", "/tmp/x/run.json", "a/../../x", "con/run.json"])
def test_a_zip_that_leads_outside_is_refused(name: str, tmp_path: Path, store: Store) -> None:
    bad = tmp_path / "bad.zip"
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr(name, "{}")
    with pytest.raises(InputError, match="not allowed"):
        take_in(bad, store)


def test_other_things_are_refused(tmp_path: Path, store: Store, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text").write_text("x")
    for source in (tmp_path / "empty", tmp_path / "text", tmp_path / "nothing", Path("/dev/null")):
        assert run_command_line(["import", str(source)]) == 2
        assert len(capfd.readouterr().err.splitlines()) == 1


def test_a_zip_of_a_folder_is_taken_in(recording: Path, tmp_path: Path, store: Store) -> None:
    whole = Path(shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path, "repro-recordings"))
    (taken,) = take_in(whole, store)
    assert taken.run.id == recording.name and recording.is_dir()
