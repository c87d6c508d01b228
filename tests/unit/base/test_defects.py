"""What is said of a defect of ours."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from repro.base import defects


def test_a_name_that_is_no_unicode_is_kept_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    said = defects.keep(ValueError("no file \udcff"))
    (file,) = tmp_path.glob("repro-error-*.log")
    assert said.endswith(str(file)) and "no file \\udcff" in file.read_text("utf-8")


def test_a_full_folder_leaves_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    assert defects.keep(ValueError("no file")) == "a defect in repro: ValueError: no file"
