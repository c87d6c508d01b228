"""Public reports, made small: each is trained, and its first finding is the cause that is known."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import report_images as images
from tests.support.command_line import run_process
from tests.support.paths import PROGRAMS

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

SCENARIO = """\
format: 1
name: report
title: Right in training, wrong afterwards
group: report
about: For tests.
images: {{directory: images, layout: folder-per-class, size: {size}, channels: {channels}{validation}}}
model: {{python: report_models.py, function: {function}, classes: {classes}}}
{momentum}compile: {{optimizer: adam, loss: categorical_crossentropy, metrics: [acc]{rate}}}
fit: {{epochs: {epochs}, batch_size: {batch_size}}}
measure: [evaluate, predict, evaluate_training_phase]
claims: []
"""


@dataclass(frozen=True)
class Report:
    """What is trained, and what is known of it."""

    function: str
    draw: Callable[[Path], None]
    cause: str
    words: str
    environment: str = "keras-3"
    size: tuple[int, int] = (48, 48)
    channels: int = 1
    classes: int = 2
    epochs: int = 20
    batch_size: int = 16
    rate: float | None = None
    momentum: float | None = None
    validation: bool = False
    seed: int = 0
    is_proved: bool = True

    def scenario(self) -> str:
        """The scenario file."""
        return SCENARIO.format(
            size=list(self.size),
            channels=self.channels,
            function=self.function,
            classes=self.classes,
            epochs=self.epochs,
            batch_size=self.batch_size,
            rate="" if self.rate is None else f", learning_rate: {self.rate}",
            momentum="" if self.momentum is None else f"batch_norm: {{momentum: {self.momentum}}}\n",
            validation=", validation: {directory: validation}" if self.validation else "",
        )


contrasts = functools.partial(images.two_contrasts, with_bad=False)
with_bad = functools.partial(images.two_contrasts, with_bad=True)
few = functools.partial(images.stripes, count=48)
chairs = functools.partial(images.stripes, seed=1, count=32, side=64, channels=3)
sides = {"channels": 3, "classes": 3, "size": (32, 32)}
REPORTS = {
    "never updated": Report("never_updated", images.stripes, "never-updated", "no update reached them", epochs=38),
    "training=True": Report(
        "training_true", few, "batch-dependent", "one at a time", environment="tf-keras", epochs=15
    ),
    "shared": Report("shared", images.halves, "mixed-domains", "called 2 times", size=(32, 64), epochs=10, rate=0.003),
    "wrapped": Report(
        "time_distributed",
        images.slopes,
        "not-converged",
        "still weigh 29.9 %",
        environment="keras-2.0.9",
        size=(24, 16),
        epochs=15,
        is_proved=False,  # the weights move on while the averages form: without initial values it may still be wrong
    ),
    "NaN": Report("nan_variance", images.squares, "non-finite", "of unbiased", size=(32, 32), batch_size=32, epochs=10),
    "small variance": Report("small_variance", contrasts, "not-converged", "of a variance", epochs=60, batch_size=8),
    "one bad image": Report("high_pass", with_bad, "outliers", "rests on a/40-bad.png", epochs=60, batch_size=8),
    "exchanged classes": Report(
        "quick", images.three_places, "label-order", "0 means 1, 1 means 0", epochs=30, validation=True, **sides
    ),
    "exchanged channels": Report(
        "quick", images.three_colours, "preprocessing", "reverse order", epochs=30, validation=True, **sides
    ),
    "divided in fit": Report("divided_in_fit", images.three_colours, "preprocessing", "scale of 255", **sides),
    "frozen": Report(
        "frozen", images.stripes, "frozen", "trainable=False", environment="keras-2.3.1", epochs=40, rate=0.003
    ),
    "zero-debiased": Report(
        "zero_debiased",
        chairs,
        "stale",
        "zero-debiased",
        environment="keras-2.2.4",
        size=(64, 64),
        channels=3,
        epochs=5,
        batch_size=8,
        seed=1,
    ),
}


@pytest.fixture
def repro(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What one command prints as JSON, on a store in `tmp_path`."""

    def call(*arguments: str) -> dict[str, Any]:
        done = run_process(*arguments, "--json", store=tmp_path / "store")
        assert done.out, done.err
        printed: dict[str, Any] = done.json
        return printed

    return call


def trained(report: Report, folder: Path, repro: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """Train a report; the run as JSON."""
    report.draw(folder)
    shutil.copy(PROGRAMS / "report_models.py", folder)
    (folder / "s.yaml").write_text(report.scenario())
    options = ["--environment", report.environment, "--seed", str(report.seed)]
    return repro("run", str(folder / "s.yaml"), "--trust", *options)


NEED_MORE = {"keras-2.3.1", "keras-2.2.4"}  # environments that only `make evidence` has


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.evidence] if report.environment in NEED_MORE else [])
        for name, report in REPORTS.items()
    ],
)
def test_the_cause_of_a_report(name: str, tmp_path: Path, repro: Callable[..., dict[str, Any]]) -> None:
    report = REPORTS[name]
    run = trained(report, tmp_path, repro)
    assert run["state"] == "finished", run["reason"]
    printed = repro("diagnose", "last")
    first = printed["findings"][0]
    assert first["cause"] == report.cause, first
    assert printed["note"] is None or not report.is_proved, printed["note"]
    assert report.words in first["says"]
    assert first["numbers"]["confidence"].startswith("proved") or not report.is_proved


@pytest.mark.parametrize("environment", ["keras-3", "tf-keras", "keras-2.0.9"])
def test_outputs_that_are_probabilities_of_a_black_image_only_are_refused(
    environment: str, tmp_path: Path, repro: Callable[..., dict[str, Any]]
) -> None:
    report = Report("two_sigmoids", images.squares, "", "", environment=environment, size=(32, 32))
    run = trained(report, tmp_path, repro)
    assert run["state"] == "failed" and "not probabilities: end it with softmax" in run["reason"]


@pytest.mark.evidence
def test_a_recording_of_averages_without_initial_values(tmp_path: Path, repro: Callable[..., dict[str, Any]]) -> None:
    program = str(PROGRAMS / "zero_debiased.py")
    done = run_process("record", "--environment", "keras-2.2.4", "python", program, store=tmp_path / "store")
    assert done.code == 0, done.err
    first = repro("diagnose", "last")["findings"][0]
    assert (first["cause"], first["numbers"]["initial_weight"]) == ("stale", 0.0), first
    assert "zero-debiased" in first["says"] and first["numbers"]["confidence"].startswith("proved")
    assert [trial["works"] for trial in first["trials"]] == [True]
