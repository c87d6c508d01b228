"""The text of a bug report: short, complete, and its script is Python of the environment's generation."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from repro.base import yaml_file
from repro.base.errors import InputError
from repro.bundle import issue_text
from repro.bundle.redact import private
from repro.bundle.standalone import inexpressible_setting, script
from repro.runs.view import RunView
from repro.scenario import load
from repro.scenario.types import Scenario
from tests.support.command_line import Repro
from tests.support.runs.copied import make_run

ASKED = {
    "keras": [
        "Custom code", "OS platform and distribution", "TensorFlow installed from", "TensorFlow version",
        "Python version", "Bazel version", "GPU model and memory", "Exact command to reproduce",
        "Describe the problem", "Current behavior", "Expected behavior", "Standalone code",
    ],
    "tensorflow": [
        "Issue type", "TensorFlow Nightly", "Source", "TensorFlow version", "Custom code",
        "OS platform and distribution", "Mobile device", "Python version", "Bazel version", "GCC/compiler version",
        "CUDA/cuDNN version", "GPU model and memory", "Current behavior?", "Standalone code", "Relevant log output",
    ],
    "stackoverflow": ["## Code", "## What I found out", "## To see exactly these figures"],
}  # fmt: skip


@pytest.mark.parametrize("tracker", issue_text.TRACKERS)
def test_fields_figures_and_the_line(tracker: issue_text.Tracker, run: RunView, repro: Repro) -> None:
    code, text, err = repro("issue", "last", "--for", tracker)
    assert (code, err) == (0, "") and len(text) < 6000
    for field in ASKED[tracker]:
        assert field in text
    assert "10.745396614074707" in text and "0.3333333432674408" in text
    assert "repro run original-bug --environment keras-2.0.9 --seed 0 --threads 2" in text
    assert "expected behaviour of a moving average" in text and "459 updates" in text
    assert "test_function([x, y, np.ones(len(x)), 1])" in text


@pytest.mark.parametrize("what", ["damaged", "not ended"])
def test_a_run_without_figures_says_what_to_do(what: str, run: RunView, repro: Repro) -> None:
    result = run.run.file("result.json")
    if what == "damaged":
        result.write_text("{")
    else:
        result.unlink()
    code, out, err = repro("issue", "last")
    assert (code, out) == (2, "") and err.count("\n") == 1
    assert ("resume it" in err) == (what != "damaged")


def test_what_a_maintainer_asks_first(run: RunView, repro: Repro) -> None:
    text = repro("issue", "last", "--for", "tensorflow")[1]
    assert "### Issue type\n\nSupport\n" in text  # it says itself that it is no defect
    assert "`pip install tensorflow==1.4.0 keras==2.0.9 numpy==" in text and "tf-keras" not in text
    assert "Checked, claim by claim (Stack Overflow question 47157526" in text
    assert "right on 3 of 3" in text and "on 1 of 3 in inference phase" in text


def test_json(run: RunView, repro: Repro) -> None:
    found = json.loads(repro("issue", "last", "--json")[1])
    assert found["format"] == 1 and found["script"] in found["text"] and found["for"] == "keras"


def test_long_scenarios_still_fit(store: Path, repro: Repro) -> None:
    def longer(text: str) -> str:
        extra = "".join(
            f"  - {{id: X{index}, says: '{'long ' * 55}', value: fit.accuracy, is: equal, to: 1.0}}\n"
            for index in range(60)
        )
        return text.rstrip("\n") + "\n" + extra

    def claims(result: dict[str, Any]) -> None:
        first = result["claims"][0]
        result["claims"] += [{**first, "id": f"X{index}", "says": "long " * 55} for index in range(60)]

    make_run(store, scenario=longer, result=claims)
    for tracker in issue_text.TRACKERS:
        code, text, _ = repro("issue", "last", "--for", tracker)
        assert code == 0 and len(text) < 6000 and "ResNet50(" in text


def test_no_result_no_text(store: Path, repro: Repro) -> None:
    ended = {"event": "run_ended", "time": 0.0, "state": "failed", "reason": "x", "exit_code": 4}
    make_run(store, finished=False, more_events=[ended])
    code, _, err = repro("issue", "last")
    assert code == 2 and err.count("\n") == 1


def test_names_do_not_leave(store: Path, repro: Repro, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private.socket, "gethostname", lambda: "zyxhost-07")
    make_run(
        store, environment=lambda record: record["facts"]["os"].update(name="Linux on zyxhost-07 /home/qarnavel/x")
    )
    text = repro("issue", "last")[1]
    assert "zyxhost" not in text and "qarnavel" not in text


def test_the_momentum_of_a_network_that_has_another_is_set() -> None:
    text = load.find("original-bug").read_text()
    for application, is_set in (("ResNet50", False), ("MobileNetV2", True)):
        changed = yaml_file.Document("s.yaml", text.replace("ResNet50", application)).convert(Scenario)
        assert ("momentum" in script(changed, "keras-2", seed=0, threads=1)) == is_set


@pytest.mark.parametrize("adapter", ["keras-2", "tf-keras", "keras-3"])
@pytest.mark.parametrize("name", load.shipped_names())
def test_every_shipped_scenario_gives_a_script(name: str, adapter: str) -> None:
    scenario = yaml_file.read(load.find(name)).convert(Scenario)
    if inexpressible_setting(scenario) is not None:
        with pytest.raises(InputError, match=r"sets batch_norm\.\w+, which no plain script says yet"):
            script(scenario, adapter, seed=3, threads=4)
        return
    code = script(scenario, adapter, seed=3, threads=4, device="cpu", deterministic=True)
    ast.parse(code)
    assert f"epochs={scenario.fit.epochs}" in code and "repro" not in code.replace("reproduce.py", "")
    assert (f"/ np.float32({scenario.images.divide_by})" in code) == (scenario.images.divide_by is not None)
    assert ("optimizer.l" in code) == (scenario.compile.learning_rate is not None)
    if scenario.batch_norm is not None and (adapter != "keras-2" or scenario.batch_norm.momentum != 0.99):
        assert f"momentum = {scenario.batch_norm.momentum}" in code.replace('["momentum"]', "momentum")
