"""Recordings in bundles: what leaves, what is refused, what the reports say."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repro.base.errors import InputError
from repro.bundle import export, read
from repro.bundle.archive import zipped
from repro.cli import run_command_line
from repro.explain.diagnosis import diagnose
from repro.recording.closing import close
from repro.recording.intake import take_in
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from repro.runs.view import RunView
from tests.support.paths import RECORDINGS
from tests.support.recordings import recording_zip, unpack
from tests.support.runs.copied import make_run

Files = dict[str, bytes]


def taken(name: str, store: Store) -> RunView:
    (one,) = take_in(recording_zip(name), store)
    return RunView(one.run)


def closed(run: Path) -> RunView:
    close(RunDirectory(run))
    return RunView(RunDirectory(run))


def opened_findings(data: bytes, folder: Path) -> list[list[str]]:
    """Return the causes of each recording of a bundle, read as a stranger's."""
    file = folder / "b.zip"
    file.write_bytes(data)
    with read.opened(file) as bundle:
        return [[finding.cause for finding in diagnose(run.run)] for run in bundle.runs if run.is_recording]


@pytest.mark.parametrize("name", sorted(file.stem for file in RECORDINGS.glob("*.zip")))
def test_a_bundle_says_what_the_recording_says(name: str, store: Store, tmp_path: Path) -> None:
    run = taken(name, store)
    contents = export.collect([run])
    findings = diagnose(run.run)
    assert opened_findings(contents.zipped(), tmp_path) == [[finding.cause for finding in findings]]
    assert contents.notes == [] and contents.manifest is not None and contents.manifest.format == 2
    stated = json.loads(contents.files[f"runs/{run.id}/diagnosis.json"])
    assert stated["diagnosis"] == findings[0].cause
    for page in ("README.md", "report.html"):
        text = contents.files[page].decode()
        assert findings[0].cause in text and "cannot be run again" in text
        assert re.sub(r"[\\`*_]", "", findings[0].says[:40]) in re.sub(r"[\\`*_]|</?code>", "", text)


def test_the_same_recording_gives_the_same_bytes(store: Store) -> None:
    run = taken("few-updates", store)
    assert export.collect([run]).zipped() == export.collect([RunView(run.run)]).zipped()


def test_runs_and_recordings_share_a_bundle(store: Store, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recording, run = taken("few-updates", store), make_run(tmp_path)
    contents = export.collect([run, recording])
    assert opened_findings(contents.zipped(), tmp_path) == [["not-converged"]]
    page = contents.files["README.md"].decode()
    assert "| claim | says |" in page and "a program's own training" in page and "worker.log" in page
    assert run_command_line(["verify", str(tmp_path / "b.zip"), "--no-run"]) == 0
    elsewhere = Store(tmp_path / "elsewhere")
    assert [one.run.id for one in take_in(tmp_path / "b.zip", elsewhere)] == [recording.id]


def test_program_and_samples_leave_only_if_asked(recording: Path) -> None:
    program = b"import keras\n"
    (recording / "script.py").write_bytes(program)
    edit(recording / "run.json", lambda data: data["recorded"].update(script_sha256=digest(program)))
    np.save(recording / "arrays/fit-1-fit-x.npy", np.arange(6.0))
    np.save(recording / "arrays/fit-1-fit-x-salary.npy", np.arange(6.0))
    run = closed(recording)
    contents = export.collect([run])
    assert contents.manifest is not None
    reasons = {entry.path.rpartition("/")[2]: entry.reason for entry in contents.manifest.left_out}
    assert reasons.keys() == {"script.py", "fit-1-fit-x.npy", "fit-1-fit-x-salary.npy"}
    everything = export.collect([run], script=True, data=True)
    names = {name.rpartition("/")[2] for name in everything.files}
    assert {"script.py", "fit-1-fit-x.npy"} <= names and "fit-1-fit-x-salary.npy" not in names
    assert everything.notes == []


def test_what_was_asked_for_and_is_not_there_is_said(store: Store) -> None:
    notes = export.collect([taken("regression", store)], script=True, data=True).notes
    assert len(notes) == 2 and "only the hash" in notes[0] and "no samples" in notes[1]


def test_answers_that_show_the_samples_stay(recording: Path) -> None:
    """As of an autoencoder: three axes, or several columns that are no classes."""
    np.save(recording / "arrays/fit-1-fit-training.npy", np.zeros((240, 8, 8)))
    run = closed(recording)
    contents = export.collect([run])
    assert f"runs/{run.id}/arrays/fit-1-fit-training.npy" not in contents.files
    assert f"runs/{run.id}/arrays/fit-1-fit-inference.npy" in contents.files


def test_names_of_columns_labels_inputs_and_arguments_do_not_leave(recording: Path, tmp_path: Path) -> None:
    def rename(text: str) -> str:
        lines = []
        for line in text.splitlines():
            event = json.loads(line)
            for facts in [
                facts
                for field in ("data", "validation")
                for side in ("inputs", "targets")
                for facts in (event.get(field) or {}).get(side) or []
            ]:
                facts["name"] = "payroll"
                for column in facts["columns"]:
                    column["name"] = "Quastenhofer"
                if facts.get("labels"):
                    facts["labels"]["counts"] = {"sacked": 100, "1": 140}
            if event["event"] == "fit_ended":
                event["error"] = "ValueError: quastenhofer has no payroll"
            if event["event"] == "layer_phases":
                event["layers"][0]["name"] = "payroll"
            lines.append(json.dumps(event))
        return "\n".join(lines) + "\n"

    events = recording / "events.jsonl"
    events.write_text(rename(events.read_text()))
    words = ["python", "train.py", "--rate", "1e-3", "--owner=Mandelbrod", "--optimizer", "adam", "north-branch"]
    edit(
        recording / "run.json",
        lambda data: (data.update(command=words), data["recorded"].update(arguments=words[2:], script="train.py")),
    )
    contents = export.collect([closed(recording)])
    for name, data in contents.files.items():
        for word in (b"payroll", b"uastenhofer", b"sacked", b"Mandelbrod", b"north-branch"):
            assert word not in data, (name, word)
    record = json.loads(contents.files[f"runs/{recording.name}/run.json"])
    shown = ["--rate", "1e-3", "--owner=<argument-4>", "--optimizer", "adam", "<argument-7>"]
    assert record["recorded"]["arguments"] == shown and record["command"] == ["python", "train.py", *shown]
    assert contents.manifest is not None
    kinds = {one.kind for one in contents.manifest.replaced}
    assert {"column", "label", "input", "argument"} <= kinds
    assert "140 x 1" in contents.files["README.md"].decode()
    assert opened_findings(contents.zipped(), tmp_path) == [["not-converged"]]


def test_a_script_that_leaves_tells_its_own_names(recording: Path) -> None:
    program = b"columns = ['Quastenhofer']\n"
    (recording / "script.py").write_bytes(program)
    edit(recording / "run.json", lambda data: data["recorded"].update(script_sha256=digest(program)))
    events = recording / "events.jsonl"
    events.write_text(re.sub(r'("columns": \[\{[^]]*?"name": )null', r'\1"Quastenhofer"', events.read_text()))
    run = closed(recording)
    assert export.collect([run], script=True).files[f"runs/{run.id}/script.py"] == program
    assert b"Quastenhofer" not in b"".join(export.collect([run]).files.values())


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def edit(file: Path, change: Callable[[Any], object]) -> None:
    data = json.loads(file.read_bytes())
    change(data)
    file.write_text(json.dumps(data))


# --- hostile bundles ---


@pytest.fixture(scope="session")
def good_files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Return the files of a good bundle of one recording."""
    folder = tmp_path_factory.mktemp("good")
    return export.collect([closed(unpack("few-updates", folder))]).files


def prefix(files: Files) -> str:
    return next(name for name in files if name.endswith("/run.json")).removesuffix("run.json")


def with_right_hashes(files: Files) -> Files:
    """Return the files with a manifest, and a result, that vouch for what they now are."""
    runs = prefix(files)
    manifest = json.loads(files["bundle.json"])
    result = json.loads(files[f"{runs}result.json"])
    result["files"] = {name: digest(files[runs + name]) for name in result["files"] if runs + name in files}
    files = {**files, f"{runs}result.json": json.dumps(result).encode()}
    manifest["files"] = [
        {"path": name, "bytes": len(data), "sha256": digest(data)}
        for name, data in files.items()
        if name != "bundle.json"
    ]
    return {**files, "bundle.json": json.dumps(manifest).encode()}


def changed(files: Files, name: str, change: Callable[[Any], object]) -> Files:
    path = prefix(files) + name
    data = json.loads(files[path])
    change(data)
    return with_right_hashes({**files, path: json.dumps(data).encode()})


def changed_events(files: Files, old: str, new: str, count: int = -1) -> Files:
    path = prefix(files) + "events.jsonl"
    text = files[path].decode()
    assert old in text
    return with_right_hashes({**files, path: text.replace(old, new, count).encode()})


def with_file(files: Files, name: str, data: bytes) -> Files:
    return with_right_hashes({**files, prefix(files) + name: data})


def with_entry(files: Files, **fields: object) -> Files:
    manifest = json.loads(files["bundle.json"])
    manifest["runs"][0].update(fields)
    return {**files, "bundle.json": json.dumps(manifest).encode()}


def without(files: Files, name: str) -> Files:
    return with_right_hashes({path: data for path, data in files.items() if path != prefix(files) + name})


HOSTILE: dict[str, tuple[Callable[[Files], Files], str]] = {
    "a file of another kind": (lambda files: with_file(files, "weights.h5", b"x"), "does not belong to a recording"),
    "a pickle": (lambda files: with_file(files, "arrays/x.pkl", b"x"), "does not belong to a recording"),
    "an array too many": (lambda files: with_file(files, "arrays/x.npy", b"x"), "not a file that the recording had"),
    "an array that is none": (
        lambda files: with_file(files, "arrays/fit-1-moving.npy", b"x"),
        "fit-1-moving.npy: damaged",
    ),
    "a script that is another": (lambda files: with_file(files, "script.py", b"import os"), "is not the program"),
    "a script that is not said": (lambda files: with_entry(files, script="included"), "it is not so"),
    "samples that are not said": (lambda files: with_entry(files, data="included"), "it is not so"),
    "another script's hash": (lambda files: with_entry(files, scenario_sha256="0" * 64), "another program"),
    "no diagnosis": (lambda files: without(files, "diagnosis.json"), "diagnosis.json is missing"),
    "another diagnosis": (
        lambda files: changed(files, "diagnosis.json", lambda data: data.update(diagnosis="overfitting")),
        "does not follow from its figures",
    ),
    "another number": (
        lambda files: changed(
            files, "diagnosis.json", lambda data: data["findings"][0]["numbers"].update(initial_weight=0.5)
        ),
        "initial_weight of its diagnosis",
    ),
    "a trial that worked": (
        lambda files: changed(
            files, "diagnosis.json", lambda data: data["findings"][0]["trials"][0].update(works=False)
        ),
        "the trials of its diagnosis",
    ),
    "a diagnosis that is none": (
        lambda files: changed(files, "diagnosis.json", lambda data: data.update(findings=[])),
        "damaged",
    ),
    "another share of right answers": (
        lambda files: changed_events(files, '"right": 0.', '"right": 0.1'),
        "of its samples, not on",
    ),
    "figures that no event says": (
        lambda files: changed(
            files, "result.json", lambda data: data["measurements"]["evaluate"].update(loss=0.0)
        ),
        "evaluate.loss is not what its events.jsonl says",
    ),
    "a claim": (
        lambda files: changed(files, "result.json", lambda data: data.update(degraded=True)),
        "claims something",
    ),
    "packages that were not there": (
        lambda files: with_file(files, "requirements.lock", b"keras==9\n"),
        "is not the list of packages",
    ),
    "a line that pip would obey": (
        lambda files: changed(
            with_file(files, "requirements.lock", b"-r https://x\n"),
            "run.json",
            lambda data: data.update(lock_sha256=digest(b"-r https://x\n")),
        ),
        "no NAME==VERSION",
    ),
    "not a recording after all": (
        lambda files: changed(files, "run.json", lambda data: data.pop("recorded")),
        "says neither",
    ),
    "a seed": (
        lambda files: with_entry(changed(files, "run.json", lambda data: data.update(seed=3)), seed=3),
        "says neither",
    ),
    "a later format": (
        lambda files: changed(files, "run.json", lambda data: data["recorded"].update(format=9)),
        "recorded in format 9: update repro",
    ),
    "an array outside": (
        lambda files: changed_events(files, '"outputs": "arrays/', '"outputs": "../arrays/', 1),
        "damaged",
    ),
    "a state": (lambda files: with_entry(files, state="failed"), "do not agree"),
    "a verdict": (lambda files: with_entry(files, verdict="REPRODUCED"), "do not agree"),
}  # fmt: skip


@pytest.mark.parametrize("fault", HOSTILE)
def test_a_hostile_recording_is_refused_in_one_line(
    fault: str, good_files: Files, tmp_path: Path, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    spoil, message = HOSTILE[fault]
    file = tmp_path / "bad.zip"
    file.write_bytes(zipped(spoil(good_files)))
    with pytest.raises(InputError, match=message), read.opened(file):
        pass
    assert run_command_line(["verify", str(file), "--trust"]) == 2
    out, err = capfd.readouterr()
    assert out == "" and err.count("\n") == 1 and err.startswith("repro: "), err


def test_other_rules_are_told_from_other_figures(good_files: Files, tmp_path: Path) -> None:
    def other(data: dict[str, Any]) -> None:
        data.update(rules="0" * 64, diagnosis="overfitting")
        data["findings"][0]["cause"] = "overfitting"

    file = tmp_path / "b.zip"
    file.write_bytes(zipped(changed(good_files, "diagnosis.json", other)))
    with read.opened(file) as bundle:
        assert diagnose(bundle.runs[0].run)[0].cause == "not-converged"


# --- issue texts ---


@pytest.mark.parametrize("tracker", ["keras", "tensorflow", "stackoverflow"])
def test_an_issue_text_has_what_a_reader_asks_for(
    tracker: str, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    run = taken("few-updates", store)
    assert run_command_line(["issue", "last", "--for", tracker]) == 0
    text = capfd.readouterr().out
    figures = run.measurements
    for said in (
        "not-converged",
        "proved on this run",
        "seen to work on this run",
        str(figures["evaluate"]["loss"]),
        str(figures["evaluate_training_phase"]["loss"]),
        "240 rows",
        run.recorded.script_sha256,
        "tensorflow-cpu==",
        "numpy==",
        "the data: only figures of it are above",
        "first of",
    ):
        assert said is not None and said in text.replace("\\_", "_"), said
    assert len(text) < 30_000


def test_an_issue_text_tells_neither_arguments_nor_columns(
    recording: Path, store: Store, capfd: pytest.CaptureFixture[str]
) -> None:
    edit(
        recording / "run.json",
        lambda data: (
            data.update(command=["python", "train.py", "--owner", "Mandelbrod"]),
            data["recorded"].update(arguments=["--owner", "Mandelbrod"], script="train.py"),
        ),
    )
    (one,) = take_in(recording, store)
    assert run_command_line(["issue", one.run.id, "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["script"] == "" and "Mandelbrod" not in found["text"]
    assert "&lt;argument-3&gt;" in found["text"] and "some arguments, which were replaced" in found["text"]


def test_an_interrupted_recording_has_a_text_too(recording: Path, store: Store) -> None:
    events = recording / "events.jsonl"
    lines = events.read_text().splitlines()
    events.write_text("\n".join(line for line in lines[:12]) + "\n")
    (one,) = take_in(recording, store)
    text = export_issue(RunView(one.run))
    assert "cannot-be-told" in text and "the program was interrupted" in text


def export_issue(run: RunView) -> str:
    from repro.bundle import issue_text

    return issue_text.write(run, "keras").text
