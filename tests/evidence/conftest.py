from __future__ import annotations

from pathlib import Path

import pytest

from repro.bundle import export
from repro.runs.view import RunView
from tests.evidence.runs import make_run


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    return folder


@pytest.fixture
def run(store: Path) -> RunView:
    return make_run(store)


@pytest.fixture(scope="session")
def good_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a good bundle."""
    folder = tmp_path_factory.mktemp("good")
    return export.collect([make_run(folder)]).files


class Command:
    """`repro ARGUMENTS` in this process: exit code, standard output, standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store: Path) -> None:
        self._capsys = capsys
        monkeypatch.setenv("REPRO_STORE", str(store))

    def __call__(self, *arguments: str | Path) -> tuple[int, str, str]:
        from repro.cli import run_command_line

        self._capsys.readouterr()
        code = run_command_line([str(argument) for argument in arguments])
        out, err = self._capsys.readouterr()
        return code, out, err


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, store: Path) -> Command:
    return Command(capsys, monkeypatch, store)
