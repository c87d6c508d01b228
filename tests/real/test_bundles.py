"""Real training: scripts of bug reports run with plain Keras, and bundles verify."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from repro.environment import definition
from tests.support.command_line import run_process

pytestmark = [pytest.mark.real, pytest.mark.evidence, pytest.mark.timeout(3600)]

ENVIRONMENTS = ("keras-2.0.9", "tf-keras", "keras-3")


@pytest.fixture(scope="session")
def real_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("evidence") / "store"


@pytest.fixture(scope="session")
def trained(real_store: Path) -> dict[str, dict[str, Any]]:
    return {}


def repro(store: Path, *arguments: str | Path, code: int = 0) -> str:
    done = run_process(*arguments, store=store)
    assert done.code == code, done.err
    return done.out


def once(trained: dict[str, dict[str, Any]], store: Path, environment: str) -> dict[str, Any]:
    """original-bug in an environment, trained once in a session."""
    if environment not in trained:
        trained[environment] = json.loads(repro(store, "run", "original-bug", "--environment", environment, "--json"))
    return trained[environment]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_the_script_shows_the_report(
    environment: str, trained: dict[str, dict[str, Any]], real_store: Path, tmp_path: Path
) -> None:
    """On the run's pixels it gives what the run gave; on its own images the same collapse."""
    run = once(trained, real_store, environment)
    script = tmp_path / "reproduce.py"
    script.write_text(json.loads(repro(real_store, "issue", run["run"], "--json"))["script"])
    one = definition.get(environment)
    for images in ([], [str(real_store / run["run"] / "arrays" / "images.npy")]):
        done = subprocess.run(
            [one.python, script, *images],
            env={**os.environ, **one.interpreter_variables(), "TF_CPP_MIN_LOG_LEVEL": "3"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-2000:]
        loss, accuracy = ast.literal_eval(re.search(r"^evaluate (.*)$", done.stdout, re.M)[1])
        classes = ast.literal_eval(re.search(r"^predict (.*)$", done.stdout, re.M)[1])
        training = ast.literal_eval(re.search(r"^training phase (.*)$", done.stdout, re.M)[1])
        assert accuracy == pytest.approx(1 / 3) and len(set(classes)) == 1
        assert training[1] == 1.0 if environment == "keras-2.0.9" else training == [0, 1, 2]
        if images:
            assert loss == run["measurements"]["evaluate"]["loss"]


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_bundle_verifies(
    environment: str, trained: dict[str, dict[str, Any]], real_store: Path, tmp_path: Path
) -> None:
    run = once(trained, real_store, environment)
    bundle = tmp_path / "b.zip"
    repro(real_store, "export", run["run"], "-o", bundle)
    found = json.loads(repro(real_store, "verify", bundle, "--json"))["runs"][0]
    if environment == "keras-2.0.9":
        assert found["grade"] == "bit-identical" or "TensorFlow 1 session" in found["why_not_identical"]
    else:
        assert found["grade"] == "bit-identical", found
