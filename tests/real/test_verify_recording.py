"""A program is recorded, exported, checked by a reader and run again from its bundle."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.command_line import Answer, ended, start_process
from tests.support.page_programs import page_programs

pytestmark = pytest.mark.real


def test_a_program_runs_again_from_its_bundle_bit_for_bit(tmp_path: Path) -> None:
    (tmp_path / "table.py").write_text(page_programs()["table.py"])

    def repro(*arguments: str, store: str = "runs") -> Answer:
        return ended(start_process(*arguments, store=tmp_path / store, cwd=tmp_path))

    recorded = repro("record", "--environment", "keras-3", "--with-data", "python", "table.py")
    assert recorded.code == 0, recorded.err
    for options, name in (((), "figures.zip"), (("--with-script", "--with-data"), "all.zip")):
        assert repro("export", "last", "-o", name, *options).code == 0
    with zipfile.ZipFile(tmp_path / "figures.zip") as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
        assert "events.jsonl" in names and not names & {"script.py", "fit-1-fit-x.npy", "fit-1-fit-y.npy"}
    (row,) = repro("verify", "figures.zip", "--trust", "--json", store="other").json["runs"]
    assert row["grade"] is None and row["diagnoses"] == ["not-converged"] * 2 and "not inside" in row["not_run"]
    answer = repro("verify", "all.zip", "--trust", "--json", store="other")
    (row,) = answer.json["runs"]
    assert answer.code == 0 and row["grade"] == "bit-identical", answer.err
    assert row["diagnoses"] == ["not-converged"] * 2
    assert row["data_sha256"][0] == row["data_sha256"][1] is not None
    shown = repro("show", row["here"], "--json", store="other").json
    assert shown["environment"] == "recorded" and shown["state"] == "finished"
