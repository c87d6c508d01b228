"""What format 1 wrote is read by every later version; what a later version writes is refused with one line.

`tests/data/format-1/bundle.zip` was written by the first version that had this test, from real runs, and never changes:
finished ones (keras-2.0.9; keras-3 with a trace), one that failed, one interrupted.
Its `runs/` is a store.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.queue import tickets
from repro.runs.directory import RunDirectory
from repro.runs.records import FORMAT
from repro.runs.summary import summarise
from repro.runs.view import RunView
from tests.support.fuzz.clean_output import assert_clean_output, run_strictly
from tests.support.paths import DATA
from tests.support.scenario_files import SCENARIO

BUNDLE = DATA / "format-1" / "bundle.zip"
BUNDLE_SHA256 = "c74b0e336994c9a95091b94431342295a89abd98388c6f3f21a3ca2e364d242e"
STATES = {"czkp": "finished", "kge8": "finished", "3dzh": "failed", "d4z9": "interrupted"}
FINISHED = [tail for tail, state in STATES.items() if state == "finished"]

Ask = Callable[..., tuple[int, str, str]]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The runs of the bundle as a store."""
    with zipfile.ZipFile(BUNDLE) as archive:
        names = [name for name in archive.namelist() if name.startswith("runs/")]
        archive.extractall(tmp_path, names)
    for file in (tmp_path / "runs").glob("*/result.json"):
        result = json.loads(file.read_bytes())  # what was replaced for the bundle has other bytes than the run wrote
        for name in result["files"]:
            if (file.parent / name).exists():
                result["files"][name] = hashlib.sha256((file.parent / name).read_bytes()).hexdigest()
        file.write_text(json.dumps(result))
    monkeypatch.setenv("REPRO_STORE", str(tmp_path / "runs"))
    monkeypatch.setenv("REPRO_ENVIRONMENTS", str(tmp_path / "none"))
    return tmp_path / "runs"


@pytest.fixture
def ask(store: Path) -> Ask:
    def run(*arguments: str) -> tuple[int, str, str]:
        answer = run_strictly(*arguments)
        assert_clean_output(arguments, *answer)
        return answer

    return run


def test_the_runs_are_listed_with_their_states(ask: Ask) -> None:
    rows = json.loads(ask("runs", "--json")[1])["runs"]
    assert {row["run"][-4:]: row["state"] for row in rows} == STATES
    assert ask("runs")[0] == ask("list")[0] == 0


@pytest.mark.parametrize("run", STATES)
def test_a_run_is_shown(run: str, ask: Ask) -> None:
    code, out, _ = ask("show", run, "--json")
    found = json.loads(out)
    assert code == 0 and found["state"] == STATES[run]
    if run in FINISHED:
        assert found["verdict"] in ("REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE")
        assert len(found["measurements"]["fit"]["loss"]) > 0
        assert ask("diagnose", run, "--no-trial")[0] in (0, 1)
    assert ask("compare", run, "kge8" if run != "kge8" else "czkp", "--json")[0] in (0, 1)


@pytest.mark.parametrize("run", FINISHED)
def test_a_run_is_exported_and_the_new_bundle_is_whole(run: str, ask: Ask, tmp_path: Path) -> None:
    assert ask("export", run, "-o", str(tmp_path / "new.zip"))[0] == 0
    code, out, _ = ask("verify", str(tmp_path / "new.zip"), "--no-run", "--json")
    assert code == 0 and json.loads(out)["manifest"] == "whole"


def test_the_bundle_is_whole_and_compared(ask: Ask) -> None:
    code, out, _ = ask("verify", str(BUNDLE), "--no-run", "--json")
    assert code == 0 and len(json.loads(out)["runs"]) == len(STATES)
    assert ask("compare", str(BUNDLE))[0] in (0, 1)


def test_the_traced_run_still_says_so(ask: Ask) -> None:
    code, _, err = ask("what-if", "kge8", "--momentum", "0.9")
    assert code in (2, 3) and "was not traced" not in err


# -- a newer format


def newer(data: Any) -> Any:
    """What format 2 might hold: another number, other fields, none of ours."""
    return {"format": FORMAT + 1, "everything": "is different"} if isinstance(data, dict) else data


@pytest.mark.parametrize("name", ["run.json", "result.json"])
@pytest.mark.parametrize(
    "words",
    [("show",), ("watch",), ("compare", "kge8"), ("export", "-o", "x.zip"), ("issue",), ("diagnose",), ("resume",)],
)
def test_a_newer_record_is_refused(name: str, words: tuple[str, ...], ask: Ask, store: Path) -> None:
    (run,) = store.glob("*czkp")
    (run / name).write_text(json.dumps(newer({})))
    code, out, err = ask(words[0], "czkp", *words[1:])
    if words[0] == "show":
        assert code == 0 and "written in format 2: update repro" in out
    else:
        assert code == 2 and err.splitlines()[-1].startswith("repro: ")
        assert "written in format 2: update repro" in err or "damaged" in err
    row = next(row for row in json.loads(ask("runs", "--json")[1])["runs"] if row["run"].endswith("czkp"))
    assert "update repro" in row["reason"]
    assert "update repro" in (summarise(RunView(RunDirectory(run))).reason or "")


def test_a_newer_environment_record_is_refused(ask: Ask, store: Path) -> None:
    (run,) = store.glob("*czkp")
    (run / "environment.json").write_text(json.dumps(newer({})))
    code, _, err = ask("compare", "czkp", "kge8")
    assert code == 2 and "written in format 2: update repro" in err


def test_a_newer_bundle_is_refused(ask: Ask, tmp_path: Path) -> None:
    file = tmp_path / "b.zip"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("bundle.json", json.dumps(newer({}) | {"format": 3}))
    for arguments in (("verify", str(file), "--no-run"), ("compare", str(file), "czkp")):
        code, _, err = ask(*arguments)
        assert code == 2 and "written in format 3: update repro" in err


def test_a_newer_scenario_is_refused(tmp_path: Path, ask: Ask) -> None:
    file = tmp_path / "s.yaml"
    for text in (SCENARIO.replace("format: 1", "format: 3"), "format: 3\neverything: is different\n"):
        file.write_text(text)
        code, _, err = ask("check", str(file))
        assert code == 2 and "s.yaml:1: written in format 3: update repro" in err


def test_a_newer_ticket_is_left_alone(tmp_path: Path) -> None:
    tickets.folder(tmp_path).mkdir(parents=True)
    (tickets.folder(tmp_path) / "1.json").write_text(json.dumps(newer({})))
    assert tickets.tickets(tmp_path) == []
    assert (tickets.folder(tmp_path) / "1.json").exists()


def test_the_old_bundle_is_the_old_one() -> None:
    assert hashlib.sha256(BUNDLE.read_bytes()).hexdigest() == BUNDLE_SHA256
