"""Script scenarios, trained for real: a program with a claim on what it prints, and three pasted reports."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from tests.support.command_line import Repro, run_here

pytestmark = [pytest.mark.real, pytest.mark.timeout(900)]

ISSUES = Path(__file__).resolve().parents[1] / "unit" / "scenario" / "issues"
TABLE = """\
import os
import keras
import numpy as np

rng = np.random.default_rng(0)
x = rng.normal(40.0, 12.0, (200, 8)).astype("float32")
y = (x[:, 0] > x[:, 1]).astype("float32")
keras.utils.set_random_seed(int(os.environ["REPRO_SEED"]))
model = keras.Sequential([keras.Input((8,))])
model.add(keras.layers.Dense(32, use_bias=False))
model.add(keras.layers.BatchNormalization())
model.add(keras.layers.ReLU())
model.add(keras.layers.Dense(1, activation="sigmoid"))
model.compile(optimizer=keras.optimizers.Adam(0.02), loss="binary_crossentropy", metrics=["accuracy"])
model.fit(x, y, epochs=15, batch_size=200, verbose=2)
print("evaluate:", model.evaluate(x, y, verbose=0))
"""
SCENARIO = """\
format: 2
name: table
title: A table, right in fit and wrong in evaluate
group: report
about: 200 rows, 15 updates.
script: {file: table.py, seconds: 300}
printed: {accuracy: 'evaluate: \\[[0-9.]+, ([0-9.]+)\\]'}
claims:
  - {id: C1, says: fit is right, value: fit.accuracy, is: at_least, to: 0.95}
  - {id: C2, says: evaluate prints far less, value: printed.accuracy, is: at_most, to: 0.9}
  - {id: C3, says: which is what it returns, value: evaluate.accuracy, is: close, to: printed.accuracy, within: 1e-6}
  - {id: C4, says: and what the recorder sees, value: inference.accuracy, is: close, to: printed.accuracy, within: 1e-6}
"""


@pytest.fixture
def repro(capfd: pytest.CaptureFixture[str]) -> Repro:
    return partial(run_here, capfd)


def test_a_claim_on_what_a_program_prints(repro: Repro) -> None:
    Path("table.py").write_text(TABLE)
    Path("table.yaml").write_text(SCENARIO)
    assert repro("run", "./table.yaml").code == 2
    answer = repro("run", "./table.yaml", "--trust", "--json")
    assert answer.code == 0, answer.err
    assert [claim["outcome"] for claim in answer.json["claims"]] == ["held"] * 4
    assert repro("diagnose", "last", "--json").json["diagnosis"] == "not-converged"
    other = repro("run", "./table.yaml", "--trust", "--json", "--seed", "1").json
    assert other["measurements"]["weights_sha256"] != answer.json["measurements"]["weights_sha256"]
    same_verdict = other["verdict"] == "REPRODUCED"
    assert repro("compare", "last", answer.json["run"]).code == (0 if same_verdict else 1)
    assert repro("export", answer.json["run"], "-o", "table.zip", "--with-script").code == 0
    verified = repro("verify", "table.zip", "--trust", "--json", "--plain")
    assert verified.code == 0, verified.err
    assert verified.json["runs"][0]["verdicts"] == ["REPRODUCED", "REPRODUCED"]
    assert verified.json["runs"][0]["grade"] == "bit-identical"


STRIPES = """\
import numpy as np
def load_pictures(*names):
    rng = np.random.RandomState(0)
    ground = 200 + 20 * np.sin(np.arange(64) * 2 * np.pi / 6)
    across = np.broadcast_to(ground[:, None], (32, 64, 64)) + rng.normal(0, 8, (32, 64, 64))
    along = np.broadcast_to(ground[None, :], (32, 64, 64)) + rng.normal(0, 8, (32, 64, 64))
    grey = np.concatenate([across, along])[..., None] / 255
    return np.repeat(grey, 3, 3).astype('float32'), np.repeat([0, 1], 32)
"""
TEXTURES = """\
rng = np.random.RandomState(0)
texture = rng.normal(0, 1, (16, 16, 1))
kinds = np.repeat(np.arange(4), 7)
scale = np.array([10.0, 20.0, 30.0, 40.0])[kinds][:, None, None, None]
images = (100 + 10 * kinds[:, None, None, None] + scale * texture + rng.normal(0, 4, (28, 16, 16, 1))).astype('float32')
labels = keras.utils.to_categorical(kinds, 4)
"""
SIGNS = """\
import numpy as np
rng = np.random.RandomState(0)
kinds = np.repeat(np.arange(3), 30)
pictures = rng.normal(110, 10, (90, 24, 24, 3)).astype('float32')
for picture, kind in zip(pictures, kinds):
    picture[4:16, 6:18, kind] += 100
"""

# Environment, edits of the program and of the scenario (text, what it becomes), and the cause.
REPORTS = {
    "chairs_and_lamps": (
        "keras-2.0.9",
        [("x, y = load_pictures(", f"{STRIPES}x, y = load_pictures(")],
        [],
        None,
    ),
    "batch_of_one": (
        "keras-2.0.9",
        [
            (
                "images = np.load('images.npy')\nlabels = keras.utils.to_categorical(np.load('labels.npy'), 4)\n",
                TEXTURES,
            )
        ],
        [("value: fit.accuracy, is: at_least, to: 0.9", "value: fit.accuracy, is: at_least, to: 0.5")],
        None,
    ),
    "opencv": (
        "keras-3",
        [("model = keras.Sequential", f"{SIGNS}model = keras.Sequential")],
        [("value: inference.accuracy, is: at_most, to: 0.6", "value: evaluate.accuracy, is: at_most, to: 0.7")],
        "preprocessing",
    ),
}


@pytest.mark.parametrize("report", REPORTS)
def test_a_pasted_report_runs_after_two_edits_at_most(report: str, repro: Repro) -> None:
    environment, in_program, in_scenario, cause = REPORTS[report]
    assert repro("new", "pasted", "--issue", ISSUES / f"{report}.md").code == 0
    assert len(in_program) + len(in_scenario) <= 2
    for file, edits in (("pasted.py", in_program), ("pasted.yaml", in_scenario)):
        text = Path(file).read_text()
        for before, after in edits:
            assert text.count(before) == 1
            text = text.replace(before, after)
        Path(file).write_text(text)
    answer = repro("run", "./pasted.yaml", "--trust", "--json", "--environment", environment)
    assert answer.code in (0, 1), answer.err
    diagnosed = repro("diagnose", "last", "--json").json
    print(answer.json["claims"], diagnosed)
    assert answer.json["claims"][0]["outcome"] == "held"
    if cause is not None:
        assert answer.json["verdict"] == "REPRODUCED"
        assert diagnosed["diagnosis"] == cause
