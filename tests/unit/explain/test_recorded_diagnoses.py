"""Runs of public reports that were diagnosed wrongly once, as their workers left them: the rules on real evidence."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from repro.cli import run_command_line
from repro.explain.diagnosis import diagnose
from repro.runs.directory import RunDirectory
from tests.support.paths import DATA

ZIPS = DATA / "diagnosed"

# Cause, confidence, words of the finding.
RIGHT = {
    "zero-debiased": ("stale", "proved", "zero-debiased averages"),
    "stale-batch-of-8": ("stale", "proved", "initial values weigh 0.18 % only"),
    "stale-with-dropout": ("stale", "proved", "lag behind the weights"),
    "noisy-training-phase": ("no-discrepancy", "proved", "Only what training reports is noisy"),
    "nan-variance": ("non-finite", "proved", "moving variance of unbiased_batch_normalization"),
    "shared-layer": ("mixed-domains", "proved", "is called 2 times in a step"),
    "time-distributed": ("not-converged", "consistent", "still weigh 29.9 %"),
    "never-updated": ("never-updated", "proved", "2 of 2 layers are their initial values"),
    "training-true": ("batch-dependent", "proved", "15 of 32 samples are answered otherwise"),
    "frozen": ("frozen", "proved", "trainable=False"),
    "training-false": ("no-discrepancy", "proved", "100 % right in both phases"),
    "small-variance": ("not-converged", "proved", "up to 95.5 % of a variance"),
    "outlier-of-normal-pixels": ("outliers", "proved", "it rests on a/40-bad.png"),
    "dropout-shift": ("stochastic-layers", "proved", "dropout comes before BatchNormalization"),
    "class-order": ("label-order", "proved", "0 means 1, 1 means 0"),
    "bgr": ("preprocessing", "proved", "its channels in reverse order"),
    "scaled-in-fit": ("preprocessing", "proved", "which a scale of 255 explains"),
}


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> RunDirectory:
    """Return the run that the test is given by name, unpacked."""
    return unpack(request.param, tmp_path)


def unpack(name: str, folder: Path) -> RunDirectory:
    with zipfile.ZipFile(ZIPS / f"{name}.zip") as archive:
        archive.extractall(folder)
    return RunDirectory(next(folder.glob("2*")))


def test_every_run_is_tried() -> None:
    assert {file.stem for file in ZIPS.glob("*.zip")} == set(RIGHT)


@pytest.mark.parametrize(("run", "name"), [(name, name) for name in RIGHT], indirect=["run"])
def test_the_first_finding_is_right(run: RunDirectory, name: str) -> None:
    cause, confidence, words = RIGHT[name]
    first = diagnose(run)[0]
    assert (first.cause, str(first.numbers["confidence"]).partition(" ")[0]) == (cause, confidence)
    assert words in first.says
    assert ("seen to work" in first.remedy) <= any(trial.works for trial in first.trials)


@pytest.mark.parametrize(("run", "name"), [(name, name) for name in RIGHT], indirect=["run"])
def test_without_trials_nothing_wrong_is_said(run: RunDirectory, name: str) -> None:
    """As of a large network, of which no trial is made: the cause is the same, or it cannot be told."""
    file = run.file("events.jsonl")
    lines = [line for line in file.read_text().splitlines() if json.loads(line)["event"] != "trial_measured"]
    file.write_text("\n".join(lines) + "\n")
    first = diagnose(run)[0]
    if name == "bgr":  # three classes of three colours: nothing but a trial tells one from the other
        assert (first.cause, first.numbers["confidence"]) == ("label-order", "consistent with this run")
    else:
        assert first.cause in (RIGHT[name][0], "cannot-be-told")
    assert "seen to work" not in first.remedy


def test_the_command_says_the_same(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = unpack("zero-debiased", tmp_path)
    assert run_command_line(["--store", str(tmp_path), "diagnose", "last", "--json"]) == 0
    printed = json.loads(capfd.readouterr().out)
    assert (printed["diagnosis"], printed["note"]) == ("stale", None)
    assert printed["findings"][0]["says"] == diagnose(run)[0].says
    assert printed["findings"][0]["trials"][0]["works"] is True
