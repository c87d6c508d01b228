"""What a report says in its first lines: what happened, what differs, whose error it is, how to do it again."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from repro.bundle import export
from repro.bundle.report import reproduce_line
from repro.explain import sentences
from repro.explain.causes.evidence import Evidence, Norm, Score
from repro.explain.causes.ranking import judge
from repro.runs.view import RunView
from tests.support.command_line import Repro
from tests.support.runs.copied import make_run, validated


def pages(run: RunView, **options: Any) -> tuple[str, str, dict[str, bytes]]:
    files = export.collect([run], **options).files
    return files["README.md"].decode(), files["report.html"].decode(), files


def test_the_first_lines_of_the_report(run: RunView) -> None:
    text, page, _ = pages(run)
    head = text.partition("### The scenario")[0]
    assert "`fit` ends at accuracy 1.0, `evaluate` on the same images gives 0.3333333432674408" in head
    assert "It is no error in the calls or the data: the same weights are right on 3 of 3" in head
    assert "still consist to 95.1 % (`0.99 ** 5` = 0.95" in head
    assert "repro verify THIS-FILE.zip\nrepro run original-bug --environment keras-2.0.9 --seed 0 --threads 2\n" in head
    top = page.partition("<h3>The scenario</h3>")[0]
    assert "no error in the calls" in top and "<code>0.99 ** 5</code>" in top and "repro verify" in top
    assert "`" not in top


def test_validation_figures_are_in_the_report_and_in_the_issue(store: Path, repro: Repro) -> None:
    text, page, _ = pages(make_run(store, result=validated(2.5, 0.4)))
    assert "| evaluate on the validation images | 2.5 | 0.4 |" in text
    assert "evaluate on the validation images" in page
    assert "| `evaluate`, validation images | 2.5 | 0.4 |" in repro("issue", "last")[1]


def test_the_script_is_in_the_bundle(run: RunView) -> None:
    text, page, files = pages(run)
    assert "optimizer" in ast.unparse(ast.parse(files["reproduce.py"]))
    line = f"python reproduce.py runs/{run.id}/arrays/images.npy"
    assert line in text and line in page
    assert "images.npy" not in pages(run, images=False)[0].partition("### The scenario")[0]


def test_scripts_of_several_runs_are_told_apart(run: RunView, store: Path) -> None:
    other = make_run(store, tail="zzzz", run=lambda record: record.update(seed=1))
    files = export.collect([run, other]).files
    assert b"seed(0)" in files["reproduce-1.py"] and b"seed(1)" in files["reproduce-2.py"]


def test_a_scenario_of_ones_own_is_named_by_its_file(store: Path) -> None:
    run = make_run(store, scenario=lambda text: text.replace("epochs: 5", "epochs: 6"), finished=False)
    assert f"repro run runs/{run.id}/scenario.yaml --environment keras-2.0.9" in pages(run)[0]


@pytest.mark.parametrize(
    ("mode", "scenario", "ends"),
    [
        ("RGB", lambda text: text, "--images FOLDER --convert L"),
        ("L", lambda text: text, "--images FOLDER"),
        ("RGB", lambda text: text.replace("channels: 1}", "channels: 1, convert: L}"), "--images FOLDER"),
        ("RGB", lambda text: text.replace("channels: 1}", "channels: 3}"), "--images FOLDER"),
    ],
)
def test_the_line_says_how_images_of_ones_own_were_converted(
    mode: str, scenario: Callable[[str], str], ends: str, store: Path
) -> None:
    def coloured(record: dict[str, Any]) -> None:
        record["shipped_images"] = False
        record["images"] = [{**image, "mode": mode} for image in record["images"]]

    run = make_run(store, run=coloured)  # its arrays are greyscale, whatever the scenario says then
    file = run.run.file("scenario.yaml")
    file.write_text(scenario(file.read_text()))
    assert reproduce_line(run, "x.yaml").endswith(f" --threads 2 {ends}")


def test_a_skipped_claim_says_where_it_counts(store: Path) -> None:
    def skip(result: dict[str, Any]) -> None:
        for claim in result["claims"]:
            if claim["id"] == "A3-loss":
                claim["outcome"] = "skipped"

    text, page, _ = pages(make_run(store, result=skip))
    assert "skipped (counts in keras-2.0.9 only)" in text
    assert "skipped</b> (counts in keras-2.0.9 only)" in page


def test_what_was_not_measured_is_not_claimed() -> None:
    assert sentences.phases({"evaluate": {"loss": 1.0, "accuracy": 0.5}}, 4) == ""
    assert sentences.moving_averages({}) == ""
    both = {"evaluate": {"accuracy": 1.0}, "evaluate_training_phase": {"accuracy": 1.0}}
    assert "agree here" in sentences.phases(both, 4)
    one = {"evaluate": {"accuracy": 0.3}, "evaluate_training_phase": {"accuracy": "nan"}}
    assert "a share of 0.3" in sentences.phases(one, 4)


FLOAT32_THIRD, FLOAT32_SEVEN_TENTHS = 0.3333333432674408, 0.699999988079071
NORM = {"updates": 5, "momentum": 0.99, "initial_weight": 0.95}


@pytest.mark.parametrize(
    ("training", "inference", "norm", "images", "begins", "says"),
    [
        (1 / 3, FLOAT32_THIRD, None, 3, "The model has not learned its training images", "on 1 of 3 in inference"),
        (FLOAT32_THIRD, FLOAT32_THIRD, NORM, 3, "The model has not learned its training images", "1 of 3 of the very"),
        (7 / 10, FLOAT32_SEVEN_TENTHS, NORM, 10, "The model has not learned its training images", "7 of 10"),
        (0.9, 0.8999999761581421, NORM, 10, "Training phase and inference phase agree", "nothing is wrong between"),
        (0.95, 0.94, NORM, 100, "Training phase and inference phase agree", "nothing is wrong between"),
        (1.0, FLOAT32_THIRD, NORM, 3, "It is no error in the calls or the data", "3 of 3 of the very images"),
        (1.0, FLOAT32_THIRD, None, 3, "The phases differ", "look at Dropout"),
        (FLOAT32_THIRD, 1.0, NORM, 3, "Inference phase is the better one here", "why cannot be told"),
    ],
)
def test_what_the_phases_say_is_what_diagnose_says(
    training: float, inference: float, norm: dict[str, Any] | None, images: int, begins: str, says: str
) -> None:
    measured = {"evaluate": {"accuracy": inference}, "evaluate_training_phase": {"accuracy": training}}
    words = sentences.phases(measured if norm is None else {**measured, "batch_norm": norm}, images)
    assert words.startswith(begins) and says in words
    assert ("BatchNormalization" in words) == words.startswith("It is no error")
    norms = []
    if norm is not None:
        norms = [Norm("bn", norm["momentum"], norm["updates"], initial_weight=norm["initial_weight"])]
    evidence = Evidence(Score(inference, None, images), Score(training, None, images), norms=norms)
    causes = {"The model": "has not learned", "Training phase": "no discrepancy", "It is": "not converged"}
    wanted = next((words for start, words in causes.items() if begins.startswith(start)), "cannot be told")
    assert wanted in judge(evidence)[0].says
