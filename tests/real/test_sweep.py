"""A sweep that trains."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.evidence, pytest.mark.timeout(3600)]


def test_the_collapse_does_not_depend_on_the_seed(tmp_path: Path) -> None:
    """original-bug over two seeds; asked again, nothing is trained."""
    command = [sys.executable, "-m", "repro", "--store", str(tmp_path), "sweep", "original-bug", "--seeds", "0:2"]
    answers = []
    for _ in range(2):
        done = subprocess.run([*command, "--json"], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stderr
        (group,) = json.loads(done.stdout)["groups"]
        answers.append(group)
    first, second = answers
    rates = {claim["id"]: (claim["held"], claim["failed"], claim["unknown"]) for claim in first["claims"]}
    for name in ("Q1", "Q2", "A1", "A1-distance", "A3"):
        assert rates[name] == (2, 0, 0), name
    assert [run["how"] for run in first["runs"]] == ["trained"] * 2
    assert [run["how"] for run in second["runs"]] == ["kept"] * 2
    assert first["claims"] == second["claims"]
