"""What `diagnose` says of recordings of programs whose cause is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repro.cli import run_command_line
from repro.explain.diagnosis import diagnose
from repro.recording.intake import take_in
from repro.runs.directory import RunDirectory
from repro.runs.store import Store
from tests.support.paths import RECORDINGS
from tests.support.recordings import recording_zip, unpack

CAUSES = {
    "copied-weights": "never-updated",
    "few-updates": "not-converged",
    "hardwired-tf-keras": "batch-dependent",
    "hardwired-training": "not-converged",
    "healthy": "no-discrepancy",
    "label-order": "label-order",
    "other-scale": "preprocessing",
    "random-labels": "overfitting",
    "regression": "not-converged",
    "small-batch": "small-batch",
}


def test_every_recording_is_tried() -> None:
    assert {file.stem for file in RECORDINGS.glob("*.zip")} == set(CAUSES)


@pytest.mark.parametrize("name", CAUSES)
def test_the_cause_is_named_and_advice_was_seen_to_work(name: str, store: Path) -> None:
    (taken,) = take_in(recording_zip(name), Store(store))
    findings = diagnose(taken.run)
    assert findings[0].cause == CAUSES[name]
    assert "cannot-be-told" not in {finding.cause for finding in findings}
    for finding in findings:
        assert ("seen to work" in finding.remedy) <= any(trial.works for trial in finding.trials)


def test_without_trials_less_is_said(tmp_path: Path) -> None:
    run = unpack("few-updates", tmp_path)
    events = run / "events.jsonl"
    lines = [line for line in events.read_text().splitlines() if json.loads(line)["event"] != "trial"]
    events.write_text("\n".join(lines) + "\n")
    (finding,) = diagnose(RunDirectory(run))
    assert (finding.cause, finding.numbers["confidence"]) == ("not-converged", "consistent with this run")
    assert "seen to work" not in finding.remedy


def test_without_measurements_nothing_is_said(tmp_path: Path) -> None:
    run = unpack("few-updates", tmp_path)
    events = run / "events.jsonl"
    lines = [line for line in events.read_text().splitlines() if json.loads(line)["event"] != "measured"]
    events.write_text("\n".join(lines) + "\n")
    (finding,) = diagnose(RunDirectory(run))
    assert finding.cause == "cannot-be-told"


def test_a_loss_that_is_not_finite_comes_first(tmp_path: Path) -> None:
    run = unpack("few-updates", tmp_path)
    with (run / "events.jsonl").open("a") as stream:
        event = {"event": "not_finite", "fit": 1, "epoch": 3, "step": 7, "what": "weights", "names": ["dense/kernel"]}
        stream.write(json.dumps(event) + "\n")
    (finding,) = diagnose(RunDirectory(run))
    assert (finding.cause, finding.numbers["step"]) == ("non-finite", 7)


def test_commands_show_a_recording(store: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def run(*words: str, code: int = 0) -> str:
        capfd.readouterr()
        assert run_command_line(list(words)) == code
        return capfd.readouterr().out

    for name in ("few-updates", "regression"):
        assert run("import", str(recording_zip(name)))
    assert run("runs").count("recorded") >= 4
    shown = json.loads(run("show", "last", "--json"))
    assert (shown["seed"], shown["environment"], shown["verdict"]) == (None, "recorded", "INCONCLUSIVE")
    assert shown["measurements"]["fit"]["accuracy"] == [] and shown["measurements"]["evaluate"]["accuracy"] is None
    assert "loss" in run("show", "last") and "recorded" in run("watch", "last", "--plain")
    few = Store(store).runs()[0].id
    assert json.loads(run("diagnose", few, "--json"))["diagnosis"] == "not-converged"
    answers = json.loads(run("what-if", few, "--momentum", "0.5,0.99", "--json"))["answers"]
    assert [answer["exact"] for answer in answers] == [False, False]
    assert answers[0]["predict"]["accuracy"] > 0.9 > answers[1]["predict"]["accuracy"]
    run("what-if", few, "--momentum", "0.3", code=2)
    assert "few-updates" in run("compare", few, "last") and run("delete", "last")
