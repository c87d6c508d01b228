"""The program in tmux with real training: start, watch, stop, resume, compare, leave."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from repro.environment.definition import get
from repro.runs.store import Store
from tests.support.paths import ROOT

TRAINING_SECONDS = 900.0

pytestmark = [
    pytest.mark.real,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
    pytest.mark.skipif(not get("keras-3").is_installed(), reason="keras-3 is not installed"),
]


QUICK = """format: 1
name: quick
title: Small pictures, many epochs
group: control
about: Long enough to be stopped, and small.
images: {directory: images, size: [32, 32], channels: 1}
model: {application: ResNet50, classes: 3}
batch_norm: {momentum: 0.01}
compile: {optimizer: adam, loss: categorical_crossentropy, metrics: [acc]}
fit: {epochs: 60, shuffle: true, batch_size: 32}
measure: [evaluate]
claims:
  - {id: R1, says: some image is right, value: fit.accuracy, is: at_least, to: 0.3}
"""


class Tmux:
    """One terminal with a shell, under its own tmux server."""

    def __init__(self, name: str, width: int, height: int) -> None:
        self.name = name
        self("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), "exec sh")

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.name, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def press(self, *keys: str) -> None:
        for key in keys:
            self("send-keys", key)
            time.sleep(0.3)  # tmux joins an escape and a key that follows at once into one

    def write(self, text: str) -> None:
        self("send-keys", "-l", text)
        self("send-keys", "Enter")

    def resize(self, width: int, height: int) -> None:
        self("resize-window", "-x", str(width), "-y", str(height))

    def text(self, *options: str) -> str:
        return self("capture-pane", "-p", *options)

    def wait_for(self, pattern: str, seconds: float = 60.0) -> str:
        end = time.monotonic() + seconds
        while not re.search(pattern, text := self.text()):
            if time.monotonic() > end:
                pytest.fail(f"{pattern!r} never came:\n{text}")
            time.sleep(0.2)
        return text


@pytest.fixture
def tmux() -> Iterator[Tmux]:
    found = Tmux(f"repro-{os.getpid()}", 80, 24)
    yield found
    found("kill-server")


def test_a_session_from_start_to_end(tmux: Tmux, store: Path, tmp_path: Path) -> None:
    """Run, leave it running, come back without colours, watch it end; a file of one's own, stopped and resumed; both
    compared."""
    shutil.copytree(ROOT / "scenarios" / "images", tmp_path / "images")
    (tmp_path / "quick.yaml").write_text(QUICK)
    folders = f"XDG_CONFIG_HOME={tmp_path / 'config'} XDG_STATE_HOME={tmp_path / 'state'} PYTHONPATH={ROOT}"
    command = f"{folders} COLORTERM=truecolor {sys.executable} -m repro --store {store}; echo EXIT $?"

    tmux.write(command)
    tmux.wait_for("The report")
    tmux.press("r")
    tmux.wait_for(r"Run original-bug")
    tmux.press("Enter")
    tmux.wait_for(r"original-bug +keras-3 +seed 0 +● running")
    for width, height in ((60, 18), (140, 40), (80, 24)):
        tmux.resize(width, height)
        tmux.wait_for(rf"\A.{{{width - 3},{width}}}\n")  # what is going on stands at the right edge of the first line
        tmux.wait_for(r"original-bug +keras-3 +seed 0")
    assert "\x1b[38;2;" in tmux.text("-e")
    tmux.press("q")
    tmux.wait_for(r"Leave running")
    tmux.press("l")
    tmux.wait_for(r"EXIT 0")

    tmux.write(f"clear; NO_COLOR=1 {command}")
    tmux.wait_for(r"● original-bug \d/5", 120)
    tmux.press("w")
    tmux.wait_for(r"epoch 5 of 5", TRAINING_SECONDS)
    tmux.wait_for(r"✓ reproduced", TRAINING_SECONDS)
    assert not re.search(r"\x1b\[[34]8;[25];(\d+);(?!\1;\1m)", tmux.text("-e")), "a colour under NO_COLOR"

    tmux.press("1")
    tmux.wait_for("The report")
    tmux.press("o")
    tmux.wait_for("Open a scenario file")
    tmux.write(str(tmp_path / "quick.yaml"))
    tmux.wait_for(r"\$ repro run /")
    tmux.press("r")
    tmux.wait_for(r"Run /")
    tmux.press("F5")
    tmux.wait_for(r"quick +keras-3.*● running")
    tmux.wait_for(r"epoch ([2-9]|\d\d+) of 60", TRAINING_SECONDS)
    tmux.press("s")
    tmux.wait_for(r"■ stopped", 120)
    tmux.press("r")
    tmux.wait_for(r"● running", 120)
    tmux.wait_for(r"✓ reproduced", TRAINING_SECONDS)

    tmux.press("2")
    tmux.wait_for(r"2 runs")
    tmux.press("Escape", "Home", "Space", "Space", "3")
    tmux.wait_for(r"A +quick")
    tmux.resize(140, 40)
    tmux.wait_for(r"≠ batch_norm.momentum +0.01 +0.99")
    tmux.press("q")
    tmux.wait_for(r"EXIT 0")
    assert [run.state() for run in Store(store).runs()] == ["finished", "finished"]
