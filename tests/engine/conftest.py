"""What the engine's tests share: scenarios and images in a temporary folder, a store, the command line in process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from repro.cli import run_command_line

SCENARIO = """\
format: 1
name: small
title: A small scenario
group: control
about: For tests.
images: {directory: images, size: [32, 32], channels: 1}
model: {application: ResNet50, classes: 3}
batch_norm: {momentum: 0.99}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 3}
measure: [evaluate, predict, evaluate_training_phase]
claims:
  - {id: C1, says: fit ends at accuracy 1, value: fit.accuracy, is: equal, to: 1.0}
"""


@dataclass(frozen=True)
class Answer:
    """What one command line gave."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def refused(self, code: int, *words: str) -> None:
        """One line on standard error, none on standard output, this exit code."""
        assert self.code == code, (self.code, self.err)
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("repro: ")
        assert lines[0].isprintable()
        assert "Traceback" not in self.err and "defect" not in self.err
        for word in words:
            assert word in lines[0], lines[0]
        assert self.out == ""


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of the runs; it does not exist yet."""
    folder = tmp_path / "store"
    monkeypatch.setenv("REPRO_STORE", str(folder))
    return folder


@pytest.fixture
def repro(store: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """The command line, in this process."""

    def run(*arguments: str | Path) -> Answer:
        capfd.readouterr()
        code = run_command_line([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return Answer(int(code), out, err)

    return run


@pytest.fixture
def repro_process(store: Path) -> Callable[..., Answer]:
    """The command line, in a process of its own."""

    def run(*arguments: str | Path | bytes, **variables: str) -> Answer:
        import os

        done = subprocess.run(
            [sys.executable, "-m", "repro", *arguments],
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A scenario file, s.yaml, with its three images."""
    from PIL import Image

    place = tmp_path / "scenario"
    (place / "images").mkdir(parents=True)
    for index, name in enumerate("abc"):
        Image.new("L", (10, 12), 80 * index).save(place / "images" / f"{name}.png")
    (place / "s.yaml").write_text(SCENARIO)
    return place


@pytest.fixture
def scenario(folder: Path) -> Callable[..., Path]:
    """The scenario file with one text replaced by another."""

    def write(old: str = "", new: str = "") -> Path:
        assert old in SCENARIO
        file = folder / "s.yaml"
        file.write_text(SCENARIO.replace(old, new, 1) if old else SCENARIO + new)
        return file

    return write
