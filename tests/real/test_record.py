"""Runs the programs of docs/record.md under `repro record`, and compares the causes with those that the page names."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import Answer, ended, start_process
from tests.support.page_programs import page_programs

CAUSES = {"table.py": "not-converged", "pictures.py": "label-order", "loop.py": "not-converged"}

pytestmark = pytest.mark.real


def test_the_page_has_these_page_programs() -> None:
    assert page_programs().keys() == CAUSES.keys()


@pytest.mark.parametrize("name", CAUSES)
def test_a_program_of_the_page_gets_the_cause_that_the_page_names(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(page_programs()[name])

    def repro(*arguments: str) -> Answer:
        return ended(start_process(*arguments, store=tmp_path / "runs", cwd=tmp_path))

    recorded = repro("record", "--environment", "keras-3", "python", name)
    assert recorded.code == 0, recorded.err
    assert recorded.out and CAUSES[name] in recorded.err.splitlines()[-1]
    diagnosis = repro("diagnose", "last", "--json").json
    assert diagnosis["diagnosis"] == CAUSES[name]
    assert all(finding["numbers"] for finding in diagnosis["findings"])
