"""`repro new` writes a scenario that can be used as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from repro.environment import definition
from repro.scenario.load import load
from tests.support.command_line import Repro


@pytest.mark.parametrize("own", [False, True])
def test_what_is_written_is_valid_and_never_overwritten(
    repro: Repro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    options = ["--own-model"] if own else []
    assert repro("new", "my-case.1", *options).code == 0
    scenario = load(Path("my-case.1.yaml"), environments=definition.names()).scenario
    assert scenario.model.python == ("my-case.1.py" if own else None)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["my-case.1.py", "my-case.1.yaml"][not own :]
    first = Path("my-case.1.yaml").read_text().splitlines()[:2]
    assert first == [
        "# yaml-language-server: $schema=schema.json",
        "# For editors that read the line above: repro schema > schema.json",
    ]
    for label in "ab":
        (tmp_path / "images" / label).mkdir(parents=True)
        for index in range(5):
            Image.new("L", (64, 64), 20 * index).save(tmp_path / "images" / label / f"{index}.png")
    assert repro("check", "./my-case.1.yaml").code == 0
    if own:
        repro("run", "./my-case.1.yaml").refused(2, "give --trust")

    before = Path("my-case.1.yaml").read_bytes()
    repro("new", "my-case.1", *options).refused(2, "my-case.1.yaml: is there already")
    assert Path("my-case.1.yaml").read_bytes() == before


def test_nothing_is_written_where_the_model_is_there_already(
    repro: Repro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.py").write_text("mine")
    repro("new", "x", "--own-model").refused(2, "x.py: is there already")
    assert [file.name for file in tmp_path.iterdir()] == ["x.py"]


@pytest.mark.parametrize("name", ["../x", "a/b", "X", "", "a b", ".x", "a..b", "x\n", "x" * 61])
def test_names_that_are_none(repro: Repro, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    repro("new", name).refused(2, "is no name for a scenario: give lower-case letters and digits, single")
    assert not [*tmp_path.iterdir()]
