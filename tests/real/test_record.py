"""Runs the programs of docs/record.md under `repro record`, and compares the causes with those that the page names."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CAUSES = {"table.py": "not-converged", "pictures.py": "label-order", "loop.py": "not-converged"}

pytestmark = pytest.mark.real


def programs() -> dict[str, str]:
    """Return the programs of the page by file name."""
    page = (ROOT / "docs/record.md").read_text(encoding="utf-8")
    return dict(re.findall(r"In `(\w+\.py)`:\n\n```python\n(.*?)```", page, re.DOTALL))


def test_the_page_has_these_programs() -> None:
    assert programs().keys() == CAUSES.keys()


@pytest.mark.parametrize("name", CAUSES)
def test_a_program_of_the_page_gets_the_cause_that_the_page_names(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(programs()[name])

    def repro(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "repro", "--store", str(tmp_path / "runs"), *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    recorded = repro("record", "--environment", "keras-3", "python", name)
    assert recorded.returncode == 0, recorded.stderr
    assert recorded.stdout and CAUSES[name] in recorded.stderr.splitlines()[-1]
    diagnosis = json.loads(repro("diagnose", "last", "--json").stdout)
    assert diagnosis["diagnosis"] == CAUSES[name]
    assert all(finding["numbers"] for finding in diagnosis["findings"])
