"""Every fault that hostile input ever found, one case each: what was read, and the line that is said now."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.base.errors import InputError
from repro.bundle import manifest
from repro.environment import facts
from repro.runs import events
from repro.runs.directory import MAX_RECORD_BYTES, RunDirectory
from repro.runs.progress import Progress
from repro.supervise.what_if import snapshots
from tests.support.fuzz.bundle_target import BundleTarget
from tests.support.fuzz.clean_output import assert_clean_output, run_strictly
from tests.support.fuzz.mutate import BytesRandom
from tests.support.fuzz.run_targets import RecordsTarget

EPOCH = {"event": "epoch_finished", "epoch": 1, "loss": 1, "accuracy": 1, "seconds": 1}
PREDICTED = {"event": "predicted", "epoch": 3, "call": "x"}


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> RecordsTarget:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REPRO_ENVIRONMENTS", "")
        patch.setenv("REPRO_STORE", "")
        return RecordsTarget(tmp_path_factory.mktemp("reader"))


@pytest.fixture
def ask(reader: RecordsTarget, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, str, str]]:
    """One judged command line on the reader's store."""
    monkeypatch.setenv("REPRO_STORE", str(reader.store))
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(reader.folder / "no-environments"))

    def run(*arguments: str, progress: bool = False) -> tuple[int, str, str]:
        answer = run_strictly(*arguments)
        assert_clean_output(arguments, *answer, progress=progress)
        return answer

    return run


def edited(run: RunDirectory, name: str, change: Callable[[Any], Any]) -> None:
    data = json.loads(run.file(name).read_bytes())
    change(data)
    run.file(name).write_text(json.dumps(data))


RESULTS: dict[str, Callable[[Any], Any]] = {
    "no epochs": lambda found: found["measurements"].update(fit={"loss": [], "accuracy": []}),
    "curves of two lengths": lambda found: found["measurements"]["fit"]["loss"].append(1.0),
    "a list for curves": lambda found: found["measurements"].update(fit=[]),
    "a list for predictions": lambda found: found["measurements"].update(predict=[]),
    "a list for validation": lambda found: found["measurements"].update(validation=[]),
    "null for BatchNormalization": lambda found: found["measurements"].update(batch_norm=None),
    "a word for a weight": lambda found: found["measurements"]["batch_norm"].update(initial_weight="x"),
    "an image without classes": lambda found: found["measurements"]["predict"].update(probabilities=[[], [], []]),
    "a class without an image": lambda found: found["measurements"]["predict"]["classes"].append(1),
    "nothing measured": lambda found: found.update(measurements={}),
    "a result of a run that goes on": lambda found: found.update(state="running"),
    "seconds beyond all time": lambda found: found["seconds"].update(total=1e308),
}
SHOWING = (("show", "{}"), ("runs",), ("list",), ("diagnose", "{}"), ("issue", "{}"), ("watch", "{}", "--plain"))


@pytest.mark.parametrize("fault", RESULTS)
def test_a_result_that_cannot_be(fault: str, reader: RecordsTarget, ask: Callable[..., tuple[int, str, str]]) -> None:
    with reader.changed(BytesRandom(b"\x01")) as (run, _):
        assert run == reader.runs["finished"]
        edited(run, "result.json", RESULTS[fault])
        assert run.state() == "damaged"
        for words in SHOWING:
            ask(*(word.format(run.id) for word in words), progress=words[0] == "watch")
        assert "damaged" in ask("show", run.id)[1]


EVENTS: dict[str, list[dict[str, Any]]] = {
    "predictions of no image": [{**PREDICTED, "probabilities": []}],
    "an image without classes": [{**PREDICTED, "probabilities": [[], [], []]}],
    "predictions of two images of three": [{**PREDICTED, "probabilities": [[1, 0, 0]] * 2}],
    "epochs before the first": [{**EPOCH, "epoch": -3}] * 3,
    "more epochs than a list holds": [{**EPOCH, "epoch": 10**30}],
    "time left beyond all time": [{**EPOCH, "epoch": 4, "seconds": 1e308}, {**EPOCH, "epoch": 5, "seconds": 1e308}],
    "a clock beyond all time": [{**EPOCH, "time": 1e308}],
}


@pytest.mark.parametrize("fault", EVENTS)
def test_events_that_cannot_be(fault: str, reader: RecordsTarget, ask: Callable[..., tuple[int, str, str]]) -> None:
    with reader.changed(BytesRandom(b"\x00")) as (run, files):
        assert run == reader.runs["broken"]
        lines = [json.dumps(event).encode() for event in EVENTS[fault]]
        run.file("events.jsonl").write_bytes(files["events.jsonl"] + b"\n".join(lines) + b"\n")
        for words in (*SHOWING, ("compare", "{}", reader.other.id), ("export", "{}", "--preview")):
            ask(*(word.format(run.id) for word in words), progress=words[0] == "watch")
        assert "damaged" in ask("show", run.id)[1]


@pytest.mark.parametrize("said", [99, -1, 2**40])
def test_an_exit_code_of_a_file_is_not_ours(
    said: int, reader: RecordsTarget, ask: Callable[..., tuple[int, str, str]]
) -> None:
    with reader.changed(BytesRandom(b"\x00")) as (run, files):
        event = {"event": "run_ended", "state": "failed", "reason": "x", "exit_code": said}
        run.file("events.jsonl").write_bytes(files["events.jsonl"] + json.dumps(event).encode() + b"\n")
        assert ask("watch", run.id, "--plain", progress=True)[0] == 4


def test_no_images_but_predictions(reader: RecordsTarget, ask: Callable[..., tuple[int, str, str]]) -> None:
    with reader.changed(BytesRandom(b"\x00")) as (run, _):
        edited(run, "run.json", lambda found: found.update(images=[]))
        assert "3 predictions for 0 images" in ask("show", run.id)[1]


def test_facts_without_end(reader: RecordsTarget, ask: Callable[..., tuple[int, str, str]]) -> None:
    """Two such records were compared for 17 seconds, and a long name before many facts was kept with each."""
    with reader.changed(BytesRandom(b"\x01")) as (run, _):
        edited(run, "environment.json", lambda found: found["facts"].update(x=[[]] * 100_000))
        code, _, err = ask("compare", run.id, reader.other.id)
        assert code == 2 and "damaged (more than 20,000 facts)" in err
    found = facts.flatten({"x" * 300_000: [[]] * 100_000})
    assert len(found) == facts.MAX_FACTS + 1
    assert max(map(len, found)) < facts.MAX_NAME + 20


def test_a_record_larger_than_any(tmp_path: Path) -> None:
    with (tmp_path / "run.json").open("wb") as stream:
        stream.truncate(MAX_RECORD_BYTES + 1)
    with pytest.raises(InputError, match="larger than 64 MiB"):
        RunDirectory(tmp_path).record()


def test_snapshots_of_other_names(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    for name in ("snapshot-0000002.npz", "snapshot-x.npz", "snapshot-.npz", "snapshot-1e3.npz", "snapshot-٣.npz"):
        (tmp_path / "weights" / name).touch()
    assert snapshots(RunDirectory(tmp_path)) == [2]


# -- bundles


def bundle(tmp_path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    reader = BundleTarget(tmp_path)
    files = dict(reader.files)
    change(files)
    for name in files.keys() - reader.files.keys():
        listed = json.loads(files["bundle.json"])
        listed["files"].append({"path": name, "bytes": 0, "sha256": "0" * 64})
        files["bundle.json"] = json.dumps(listed).encode()
    files = BundleTarget._with_right_hashes(files)
    with zipfile.ZipFile(tmp_path / "b.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return tmp_path / "b.zip"


def npy(shape: str) -> bytes:
    head = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (118 - len(head) - 1) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head


@pytest.mark.parametrize("shape", ["(1000000000000, 0, 1, 1)", "(3, 0, 0, 0)", "()", "(2, 3)"])
def test_images_without_end(shape: str, tmp_path: Path) -> None:
    """Nothing kept an array of 10**12 images of no pixels from being hashed image by image."""

    def change(files: dict[str, bytes]) -> None:
        (name,) = (name for name in files if name.endswith("images.npy"))
        files[name] = npy(shape)

    file = bundle(tmp_path, change)
    arguments = ("verify", str(file), "--no-run")
    code, out, err = run_strictly(*arguments)
    assert_clean_output(arguments, code, out, err)
    assert code == 2, err
    assert np.lib.format.read_magic(io.BytesIO(npy(shape))) == (1, 0)


TOO_MUCH = {
    "lists": (b'{"format": 1, "facts": {"x": [' + b"[]," * manifest.MAX_LISTS + b"[]]}}", "lists"),
    "values": (b'{"format": 1, "facts": {"x": [' + b"0," * manifest.MAX_VALUES + b"0]}}", "values"),
    "text": (b'{"format": 1}' + b" " * manifest.MAX_TEXT_BYTES, "larger than 96 MiB"),
}


@pytest.mark.parametrize("what", TOO_MUCH)
def test_more_than_fits_into_memory(what: str, tmp_path: Path) -> None:
    """Nothing kept a bundle of a few kB from unpacking to several GB of lists."""
    data, words = TOO_MUCH[what]

    def change(files: dict[str, bytes]) -> None:
        (name,) = (name for name in files if name.endswith("environment.json"))
        files[name] = data

    arguments = ("verify", str(bundle(tmp_path, change)), "--no-run")
    code, out, err = run_strictly(*arguments)
    assert_clean_output(arguments, code, out, err)
    assert code == 2 and words in err, err


def test_progress_says_when_predictions_do_not_fit() -> None:
    progress = Progress()
    progress.take(events.Predicted(epoch=1, probabilities=[[0.5, 0.5]], call="x"))
    assert progress.measurements(labels=[1]).figure("predict.accuracy") == 0.0
    with pytest.raises(InputError, match="1 predictions for 2 images"):
        progress.measurements(labels=[0, 1])
