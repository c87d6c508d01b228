"""What a report says in its first lines: what happened, what differs, whose error it is, how to do it again."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from repro.bundle import export, why
from repro.bundle.evidence import Evidence
from tests.evidence.runs import make_run


def pages(run: Evidence, **options: Any) -> tuple[str, str, dict[str, bytes]]:
    files = export.collect([run], **options).files
    return files["README.md"].decode(), files["report.html"].decode(), files


def test_the_first_lines_of_the_report(run: Evidence) -> None:
    text, page, _ = pages(run)
    head = text.partition("### The scenario")[0]
    assert "`fit` ends at accuracy 1.0, `evaluate` on the same images gives 0.3333333432674408" in head
    assert "It is no error in the calls or the data: the same weights are right on 3 of 3" in head
    assert "still consist to 95.1 % (`0.99 ** 5` = 0.95" in head
    assert "repro verify THIS-FILE.zip\nrepro run original-bug --environment keras-2.0.9 --seed 0 --threads 2\n" in head
    top = page.partition("<h3>The scenario</h3>")[0]
    assert "no error in the calls" in top and "<code>0.99 ** 5</code>" in top and "repro verify" in top
    assert "`" not in top


def test_the_script_is_in_the_bundle(run: Evidence) -> None:
    text, page, files = pages(run)
    assert "optimizer" in ast.unparse(ast.parse(files["reproduce.py"]))
    line = f"python reproduce.py runs/{run.id}/arrays/images.npy"
    assert line in text and line in page
    assert "images.npy" not in pages(run, images=False)[0].partition("### The scenario")[0]


def test_scripts_of_several_runs_are_told_apart(run: Evidence, store: Path) -> None:
    other = make_run(store, tail="zzzz", run=lambda record: record.update(seed=1))
    files = export.collect([run, other]).files
    assert b"seed(0)" in files["reproduce-1.py"] and b"seed(1)" in files["reproduce-2.py"]


def test_a_scenario_of_ones_own_is_named_by_its_file(store: Path) -> None:
    run = make_run(store, scenario=lambda text: text.replace("epochs: 5", "epochs: 6"), finished=False)
    assert f"repro run runs/{run.id}/scenario.yaml --environment keras-2.0.9" in pages(run)[0]


def test_a_skipped_claim_says_where_it_counts(store: Path) -> None:
    def skip(result: dict[str, Any]) -> None:
        for claim in result["claims"]:
            if claim["id"] == "A3-loss":
                claim["outcome"] = "skipped"

    text, page, _ = pages(make_run(store, result=skip))
    assert "skipped (counts in keras-2.0.9 only)" in text
    assert "skipped</b> (counts in keras-2.0.9 only)" in page


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.9509900498999999, "95.1 %"), (1.0, "100 %"), (0.99999, "99.999 %"), (0.0, "0 %"), ("nan", "nan %")],
)
def test_shares_are_never_rounded_into_a_lie(share: Any, words: str) -> None:
    assert why.percent(share) == words


def test_what_was_not_measured_is_not_claimed() -> None:
    assert why.phases({"evaluate": {"loss": 1.0, "accuracy": 0.5}}, 4) == ""
    assert why.moving_averages({}) == ""
    both = {"evaluate": {"accuracy": 1.0}, "evaluate_training_phase": {"accuracy": 1.0}}
    assert "agree here" in why.phases(both, 4)
    one = {"evaluate": {"accuracy": 0.3}, "evaluate_training_phase": {"accuracy": "nan"}}
    assert "a share of 0.3" in why.phases(one, 4)
