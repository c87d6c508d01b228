"""Grades, plans and exit codes of verify; the training is replaced by a recorded run (real ones: test_real.py)."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from repro.base.errors import ExitCode
from repro.bundle import export, verify
from repro.environment import check, definition, requirements
from repro.environment.machine import ONEDNN
from repro.runs.plan import Plan
from repro.runs.records import Curves, Evaluation, Measurements
from repro.runs.view import RunView
from tests.support.command_line import Repro
from tests.support.runs.copied import IMAGES, Change, make_run


@pytest.fixture
def again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """Replaces the training: "result" and "environment" change what comes out; "plans" is what was asked."""
    asked: dict[str, Any] = {"plans": [], "result": None, "environment": None, "variables": []}

    def run_one(plan: Plan, store: Any, **_: Any) -> tuple[Any, ExitCode]:
        asked["plans"].append(plan)
        asked["variables"].append(os.environ.get(ONEDNN))
        folder = tmp_path / f"again{len(asked['plans'])}"
        folder.mkdir()
        made = make_run(folder, tail="zzzz", result=asked["result"], environment=asked["environment"])
        return made.run, ExitCode.DONE

    monkeypatch.setattr("repro.cli.run.run_one", run_one)
    monkeypatch.setattr(check, "require_installed", lambda environment: None)
    monkeypatch.setattr(check, "drift", lambda environment: [])
    return asked


def bundle(run: RunView, target: Path, **options: Any) -> Path:
    export.write(export.collect([run], **options), target)
    return target


def other_weights(result: dict[str, Any]) -> None:
    result["measurements"]["weights_sha256"] = "0" * 64


def close(result: dict[str, Any]) -> None:
    other_weights(result)
    result["measurements"]["fit"]["loss"] = [loss * (1 + 9e-5) for loss in result["measurements"]["fit"]["loss"]]


def far(result: dict[str, Any]) -> None:
    other_weights(result)
    result["measurements"]["fit"]["loss"] = [loss * (1 + 2e-4) for loss in result["measurements"]["fit"]["loss"]]


def failed(result: dict[str, Any]) -> None:
    far(result)
    result["measurements"]["predict"].update(distinct_classes=3)
    result["verdict"] = "NOT_REPRODUCED"


@pytest.mark.parametrize(
    ("change", "grade", "exit_code"),
    [
        (None, "bit-identical", 0),
        (other_weights, "within tolerance", 0),
        (close, "within tolerance", 0),
        (far, "same verdict", 0),
        (failed, "different", 1),
    ],
)
def test_grades(
    change: Change | None, grade: str, exit_code: int, run: RunView, tmp_path: Path, again: Any, repro: Repro
) -> None:
    again["result"] = change
    code, out, err = repro("verify", bundle(run, tmp_path / "b.zip"), "--json")
    found = json.loads(out)["runs"][0]
    assert (code, found["grade"]) == (exit_code, grade)
    assert "about 46 s" in err and "GiB" in err
    assert (found["why_not_identical"] is None) == (grade == "bit-identical")
    assert "TensorFlow 1 session" in str(found["why_not_identical"]) or grade == "bit-identical"


def test_the_ranked_difference_is_shown(run: RunView, tmp_path: Path, again: Any, repro: Repro) -> None:
    again["result"] = far
    again["environment"] = lambda record: record["facts"]["versions"].update(tensorflow="1.4.1")
    code, out, _ = repro("verify", bundle(run, tmp_path / "b.zip"))
    assert code == 0 and "versions.tensorflow: 1.4.0 there, 1.4.1 here" in out
    assert "the likeliest reason is framework" in out
    assert out.splitlines()[2] == "  the same verdict: REPRODUCED"
    assert "  differs in: framework" in out.splitlines()


def other_keras_json(record: dict[str, Any]) -> None:
    record["facts"]["user_keras_json"] = {"present": True}
    record["facts"]["memory_bytes"] = 1


def test_what_cannot_change_a_figure_is_no_reason(run: RunView, tmp_path: Path, again: Any, repro: Repro) -> None:
    again.update(result=far, environment=other_keras_json)
    code, out, _ = repro("verify", bundle(run, tmp_path / "b.zip"))
    assert code == 0
    assert "why: the environments differ in nothing that matters; two runs in a TensorFlow 1 session" in out
    assert "differs in: nothing that can change a figure (memory_bytes, user_keras_json.present" in out


def test_the_first_lines_say_what_is_the_same(run: RunView, tmp_path: Path, again: Any, repro: Repro) -> None:
    again["environment"] = other_keras_json
    _, out, _ = repro("verify", bundle(run, tmp_path / "b.zip"))
    _, head, *lines = out.splitlines()
    assert head.endswith(": bit-identical")
    assert lines[:2] == [
        "  the same verdict: REPRODUCED",
        f"  the same weights, bit for bit: SHA-256 {run.measurements['weights_sha256']}",
    ]
    assert "likeliest" not in out and "why" not in out  # there is nothing to explain


def test_a_check_alone_says_what_was_checked(run: RunView, tmp_path: Path, repro: Repro) -> None:
    target = bundle(run, tmp_path / "b.zip")
    assert (
        f"{run.id}: REPRODUCED, which follows from its figures; not run here" in repro("verify", target, "--no-run")[1]
    )
    (row,) = json.loads(repro("verify", target, "--no-run", "--json")[1])["runs"]
    assert row == {"run": run.id, "grade": None, "verdicts": ["REPRODUCED", None]}


def test_another_verdict_is_said_first(run: RunView, tmp_path: Path, again: Any, repro: Repro) -> None:
    again["result"] = failed
    code, out, _ = repro("verify", bundle(run, tmp_path / "b.zip"))
    assert code == 1 and "another verdict: REPRODUCED there, NOT_REPRODUCED here" in out.splitlines()[2]


def test_a_traced_run_is_no_other_network(run: RunView, store: Path) -> None:
    traced = make_run(store, tail="trac", run=lambda record: record.update(traced=True))
    for one, momentum in ((run, 0.99), (traced, 0.0)):
        events = one.run.file("events.jsonl")
        events.write_text(re.sub(r'"momentum":\[[^]]*\]', f'"momentum":[{momentum}]', events.read_text()))
    assert RunView(run.run).fingerprint["momentum"] == RunView(traced.run).fingerprint["momentum"] == [0.99]


def test_a_traced_run_says_every_momentum_of_its_layers(store: Path) -> None:
    traced = make_run(store, tail="trac", run=lambda record: record.update(traced=True))
    events = traced.run.file("events.jsonl")
    events.write_text(re.sub(r'"momentum":\[[^]]*\]', '"momentum":[0.9,0.99]', events.read_text()))
    assert RunView(traced.run).fingerprint["momentum"] == [0.9, 0.99]


def test_the_run_is_asked_as_the_bundle_says(store: Path, tmp_path: Path, again: Any, repro: Repro) -> None:
    def change(record: dict[str, Any]) -> None:
        record.update(threads=3, seed=7, deterministic=True)

    run = make_run(store, run=change)
    assert repro("verify", bundle(run, tmp_path / "b.zip"))[0] in (0, 1)
    plan = again["plans"][0]
    assert (plan.threads, plan.seed, plan.deterministic, plan.environment.name) == (3, 7, True, "keras-2.0.9")
    assert [image.pixels_sha256 for image in plan.images.records] == [
        image.pixels_sha256 for image in run.record.images
    ]


@pytest.mark.parametrize(("onednn", "wanted"), [(False, "0"), (True, "1")])
def test_onednn_is_set_as_it_was(
    onednn: bool, wanted: str, store: Path, tmp_path: Path, again: Any, repro: Repro, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ONEDNN, "mine")

    def change(record: dict[str, Any]) -> None:
        record["environment"] = "keras-3"

    def result(found: dict[str, Any]) -> None:
        found["environment"] = "keras-3"
        found["claims"] = [
            {**claim, "outcome": "skipped"} if claim["id"] == "A3-loss" else claim for claim in found["claims"]
        ]

    run = make_run(store, run=change, result=result, environment=lambda r: r["facts"].update(onednn=onednn))
    repro("verify", bundle(run, tmp_path / "b.zip"))
    assert again["variables"] == [wanted]
    assert os.environ[ONEDNN] == "mine"


def test_after_a_signal_no_other_run_is_begun(
    store: Path, tmp_path: Path, again: Any, repro: Repro, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "b.zip"
    export.write(export.collect([make_run(store, tail=tail) for tail in ("aaaa", "bbbb", "cccc")]), file)
    monkeypatch.setattr("repro.cli.progress.signalled", True)  # as in the last epoch of a run, which still finishes
    code, out, err = repro("verify", file, "--json")
    assert code == 4 and len(json.loads(out)["runs"]) == len(again["plans"]) == 1
    assert err.splitlines()[-1] == "repro: 2 more were not begun"


def test_long_runs_need_yes(store: Path, tmp_path: Path, again: Any, repro: Repro) -> None:
    run = make_run(store, result=lambda found: found["seconds"].update(total=601.0))
    target = bundle(run, tmp_path / "b.zip")
    code, _, err = repro("verify", target)
    assert code == 2 and "give --yes" in err and again["plans"] == []
    assert repro("verify", target, "--yes")[0] == 0


def test_a_bundle_that_lies_about_its_time_is_not_believed(store: Path, tmp_path: Path) -> None:
    run = make_run(store, scenario=lambda text: text.replace("epochs: 5", "epochs: 100000"))
    scenario_seconds = verify._seconds(run, run.run.require_scenario())
    assert scenario_seconds > verify.ASK_ABOVE_SECONDS


def test_much_memory_needs_yes(store: Path, tmp_path: Path, again: Any, repro: Repro) -> None:
    run = make_run(store)
    events = run.run.file("events.jsonl")
    events.write_text(events.read_text().replace("1389846528", str(5 * 1024**3)))
    result = json.loads(run.run.file("result.json").read_bytes())
    del result["files"]["events.jsonl"]
    run.run.file("result.json").write_text(json.dumps(result))
    code, _, err = repro("verify", bundle(RunView(run.run), tmp_path / "b.zip"))
    assert code == 2 and "5.0 GiB of memory" in err


@pytest.mark.parametrize("said", ["1", None])
def test_a_bundle_that_lies_about_its_memory_is_not_believed(said: str | None, store: Path) -> None:
    """Images of 1900 x 1900 pixels, and 1 byte, or no event that tells."""
    run = make_run(store, scenario=lambda text: text.replace("size: [197, 197]", "size: [1900, 1900]"))
    events = run.run.file("events.jsonl")
    lines = events.read_text().replace("1389846528", said or "").splitlines(keepends=True)
    events.write_text("".join(line for line in lines if said is not None or "training_finished" not in line))
    run = RunView(run.run)
    scenario = run.run.require_scenario()
    assert scenario.images.size == (1900, 1900)
    assert verify._memory(run, scenario) > verify.ASK_ABOVE_BYTES


def test_what_a_run_really_took_counts_where_it_is_more(run: RunView) -> None:
    assert verify._memory(run, run.run.require_scenario()) == 1389846528


def test_images_by_hash(run: RunView, tmp_path: Path, again: Any, repro: Repro) -> None:
    target = bundle(run, tmp_path / "b.zip", images=False)
    folder = IMAGES
    assert repro("verify", target, "--images", folder)[0] == 0
    mine = tmp_path / "mine"
    mine.mkdir()
    for new, old in (("1.png", "tree.png"), ("2.png", "boat.png"), ("3.png", "house.png")):
        shutil.copy(folder / old, mine / new)
    assert repro("verify", target, "--images", mine)[0] == 0, "another order, the same images"
    assert [record.name for record in again["plans"][-1].images.records] == ["boat.png", "house.png", "tree.png"]
    shutil.copy(folder / "boat.png", mine / "1.png")
    code, _, err = repro("verify", target, "--images", mine)
    assert code == 2 and "do not have the hashes" in err
    assert repro("verify", target, "--images", tmp_path / "nowhere")[0] == 2


def test_an_environment_that_is_not_here(
    run: RunView, tmp_path: Path, repro: Repro, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(definition.VARIABLE, str(tmp_path / "none"))
    code, _, err = repro("verify", bundle(run, tmp_path / "b.zip"))
    assert code == 3 and "not installed" in err and err.count("\n") == 1


def test_a_gpu_that_is_not_here(
    store: Path, tmp_path: Path, repro: Repro, monkeypatch: pytest.MonkeyPatch, again: Any
) -> None:
    monkeypatch.setattr(requirements, "DEVICES", tmp_path / "dev")
    monkeypatch.setattr(requirements, "DRIVER", tmp_path / "version")
    run = make_run(store, run=lambda record: record.update(device="gpu", environment="keras-3-gpu"), result=on_the_gpu)
    target = bundle(run, tmp_path / "b.zip")
    code, out, err = repro("verify", target)
    assert (code, out, again["plans"]) == (3, "", [])
    assert f"the run {run.id} asks for --device gpu: no NVIDIA driver is loaded" in err and "or give --no-run" in err
    assert repro("verify", target, "--no-run")[0] == 0
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvidia0").touch()
    assert repro("verify", target)[0] in (0, 1) and again["plans"][0].device == "gpu"


def on_the_gpu(result: dict[str, Any]) -> None:
    result["environment"] = "keras-3-gpu"
    result["claims"] = [{**c, "outcome": "skipped"} if c["id"] == "A3-loss" else c for c in result["claims"]]


def test_an_environment_that_nobody_knows(store: Path, tmp_path: Path, repro: Repro) -> None:
    run = make_run(
        store,
        run=lambda record: record.update(environment="keras-99"),
        result=lambda found: found.update(
            environment="keras-99",
            claims=[{**c, "outcome": "skipped"} if c["id"] == "A3-loss" else c for c in found["claims"]],
        ),
    )
    code, _, err = repro("verify", bundle(run, tmp_path / "b.zip"))
    assert code == 3 and "no environment is called" in err


def test_a_run_without_result(store: Path, tmp_path: Path, repro: Repro) -> None:
    ended = {"event": "run_ended", "time": 0.0, "state": "failed", "reason": "x", "exit_code": 4}
    run = make_run(store, finished=False, more_events=[ended])
    target = bundle(run, tmp_path / "b.zip")
    assert repro("verify", target, "--no-run")[0] == 0
    code, _, err = repro("verify", target)
    assert code == 2 and f"the run {run.id} is failed: it has no result to compare: use --no-run" in err


@pytest.mark.parametrize("words", [["run", "original-bug", "--again"], ["verify", "b.zip"]])
def test_a_run_that_failed_for_its_input(
    run: RunView, store: Path, tmp_path: Path, repro: Repro, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    """Such as a copy of the user's model that was changed after it was made: exit 2, as the run's own end says."""
    bundle(run, tmp_path / "b.zip")
    monkeypatch.chdir(tmp_path)
    unfinished = make_run(store, tail="cccc", finished=False)
    monkeypatch.setattr("repro.cli.run.run_one", lambda *_, **__: (unfinished.run, ExitCode.BAD_INPUT))
    monkeypatch.setattr(check, "require_installed", lambda environment: None)
    monkeypatch.setattr(check, "drift", lambda environment: [])
    assert repro(*words)[0] == 2


@pytest.mark.parametrize(
    ("left", "right", "deviation"),
    [("nan", "nan", 0.0), ("inf", "inf", 0.0), ("inf", 1.0, float("inf")), (0.0, 1e-30, 1.0), (2.0, 1.0, 0.5)],
)
def test_deviation(left: Any, right: Any, deviation: float) -> None:
    both = [Measurements(Curves([value], [1.0])) for value in (left, right)]
    assert verify.largest_deviation(*both) == deviation
    longer = Measurements(Curves([1.0, 2.0], [1.0, 1.0]))
    assert verify.largest_deviation(Measurements(Curves([1.0], [1.0])), longer) is None


def test_the_loss_on_validation_images_is_graded_too() -> None:
    both = [Measurements(Curves([], []), validation=Evaluation(loss, 1.0)) for loss in (2.5, 1.0)]
    assert verify.largest_deviation(*both) == 0.6
