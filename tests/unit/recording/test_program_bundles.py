"""Bundles of script scenarios: what leaves, what is refused, and what is run again."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.support.command_line import Repro, run_here
from tests.support.script_scenarios import RECORDINGS, SCENARIO, install_python, write_scenario

PROGRAM = """\
import os, sys, zipfile
store = os.environ["REPRO_RECORD_STORE"]
with zipfile.ZipFile("recording.zip") as archive:
    old = archive.namelist()[0].split("/")[0]
    archive.extractall(store)
with open(os.environ["REPRO_RECORD_MARK"], "a") as mark:
    mark.write("keras 1 keras\\nrecording 1 " + old + "\\n")
print("accuracy 0.5")
"""


@pytest.fixture
def repro(
    tmp_path: Path, own_environments: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Repro:
    """Return the command line, with one finished run of a script scenario in the store."""
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "runs"))
    install_python(own_environments)
    command = partial(run_here, capfd)
    file = write_scenario(tmp_path, scenario=SCENARIO.replace("seconds: 60", "seconds: 60, files: [recording.zip]"))
    (tmp_path / "train.py").write_text(PROGRAM)
    shutil.copyfile(RECORDINGS / "few-updates.zip", tmp_path / "recording.zip")
    answer = command("run", file, "--trust", "--json")
    assert answer.code == 0, answer.err
    return command


def names(bundle: Path) -> set[str]:
    with zipfile.ZipFile(bundle) as archive:
        return {name.split("/", 2)[2] for name in archive.namelist() if name.startswith("runs/")}


def test_the_program_and_its_data_stay_here_unless_they_are_asked_for(repro: Repro) -> None:
    assert repro("export", "last", "-o", "plain.zip").code == 0
    assert repro("export", "last", "-o", "whole.zip", "--with-script", "--with-data").code == 0
    assert not {name for name in names(Path("plain.zip")) if name.startswith("program/")}
    assert {"scenario.yaml", "worker.log", "events.jsonl", "result.json"} <= names(Path("plain.zip"))
    assert {"program/train.py", "program/recording.zip"} <= names(Path("whole.zip"))
    for bundle in ("plain.zip", "whole.zip"):
        answer = repro("verify", bundle, "--no-run", "--json")
        assert answer.code == 0, answer.err
        assert answer.json["runs"][0]["verdicts"] == ["REPRODUCED", None]


def test_a_whole_bundle_is_run_again_with_trust_only(repro: Repro) -> None:
    repro("export", "last", "-o", "whole.zip", "--with-script", "--with-data")
    refused = repro("verify", "whole.zip")
    assert refused.code == 2 and "give --trust" in refused.err
    answer = repro("verify", "whole.zip", "--trust", "--json", "--plain")
    assert answer.code == 0, answer.err
    row = answer.json["runs"][0]
    assert row["grade"] == "bit-identical" and row["verdicts"] == ["REPRODUCED", "REPRODUCED"]


@pytest.mark.parametrize(("options", "words"), [([], "--with-script"), (["--with-script"], "--with-data")])
def test_what_is_not_inside_cannot_be_run_again(options: list[str], words: str, repro: Repro) -> None:
    repro("export", "last", "-o", "part.zip", *options)
    answer = repro("verify", "part.zip", "--trust")
    assert answer.code == 2 and words in answer.err and "only its hash" in answer.err


def changed(change: Callable[[dict[str, bytes]], None]) -> None:
    """Rewrite the bundle with some files changed, its list of hashes as it was made anew."""
    import hashlib

    with zipfile.ZipFile("whole.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    change(files)
    manifest = json.loads(files["bundle.json"])
    for entry in manifest["files"]:
        data = files[entry["path"]]
        entry.update(bytes=len(data), sha256=hashlib.sha256(data).hexdigest())
    files["bundle.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile("changed.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)


def replaced(ending: str, before: bytes, after: bytes) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        name = next(name for name in files if name.endswith(ending))
        assert before in files[name]
        files[name] = files[name].replace(before, after)

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (replaced("program/train.py", b"import os", b"import os; os.abort()"), "is not of the program that was run"),
        (replaced("scenario.yaml", b"file: train.py", b"file: other.py"), "is not the scenario that was run"),
        (replaced("run.json", b'"file": "train.py"', b'"file": "other.py"'), "names another program"),
        (
            replaced("result.json", b'"printed": {', b'"printed": {"more": 1.0,'),
            "printed.more is not what its worker.log says",
        ),
        (replaced("fit-1-moving.npy", b"NUMPY", b"NOPES"), "is damaged"),
    ],
)
def test_a_bundle_that_was_changed_is_refused(
    change: Callable[[dict[str, bytes]], None], words: str, repro: Repro
) -> None:
    repro("export", "last", "-o", "whole.zip", "--with-script", "--with-data")
    changed(change)
    answer = repro("verify", "changed.zip", "--trust")
    assert answer.code == 2 and words in answer.err, answer.err
