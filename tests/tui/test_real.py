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

ROOT = Path(__file__).resolve().parent.parent.parent
TRAINING_SECONDS = 900.0

pytestmark = [
    pytest.mark.evidence,
    pytest.mark.real,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed"),
    pytest.mark.skipif(not get("keras-3").is_installed(), reason="keras-3 is not installed"),
]


class Tmux:
    """One terminal under its own tmux server."""

    def __init__(self, name: str, command: str, width: int, height: int) -> None:
        self.name = name
        self("new-session", "-d", "-x", str(width), "-y", str(height), f"{command}; echo EXIT $?; exec sleep 3600")

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(["tmux", "-L", self.name, *arguments], capture_output=True, text=True, check=True)
        return done.stdout

    def press(self, *keys: str) -> None:
        for key in keys:
            self("send-keys", key)
            time.sleep(0.3)  # tmux joins an escape and a key that follows at once into one

    def resize(self, width: int, height: int) -> None:
        self("resize-window", "-x", str(width), "-y", str(height))

    def text(self) -> str:
        return self("capture-pane", "-p")

    def wait_for(self, pattern: str, seconds: float = 30.0) -> str:
        end = time.monotonic() + seconds
        while not re.search(pattern, text := self.text()):
            if time.monotonic() > end:
                pytest.fail(f"{pattern!r} never came:\n{text}")
            time.sleep(0.2)
        return text


@pytest.fixture
def tmux(store: Path, tmp_path: Path) -> Iterator[Tmux]:
    settings = f"XDG_CONFIG_HOME={tmp_path / 'config'} XDG_STATE_HOME={tmp_path / 'state'} PYTHONPATH={ROOT}"
    found = Tmux(f"repro-{os.getpid()}", f"{settings} {sys.executable} -m repro --store {store}", 80, 24)
    yield found
    found("kill-server")


def test_a_session_from_start_to_end(tmux: Tmux, store: Path) -> None:
    tmux.wait_for("original-bug")
    tmux.press("r")
    tmux.wait_for(r"Run original-bug")
    tmux.press("Enter")
    tmux.wait_for(r"● running", 60)
    for width, height in ((60, 18), (140, 40), (80, 24)):
        tmux.resize(width, height)
        tmux.wait_for(r"original-bug +keras-3 +seed 0")
    tmux.wait_for(r"epoch [1-5] of 5", TRAINING_SECONDS)
    tmux.wait_for(r"✓ reproduced", TRAINING_SECONDS)

    tmux.press("1")
    tmux.wait_for("The report")
    tmux.press("Down", "Down", "r")
    tmux.wait_for(r"Run momentum-0.01")
    tmux.press("Enter")
    tmux.wait_for(r"momentum-0.01 +keras-3.*● running", 60)
    tmux.wait_for(r"epoch [2-9] of 20", TRAINING_SECONDS)
    tmux.press("s")
    tmux.wait_for(r"■ stopped", 120)
    tmux.press("r")
    tmux.wait_for(r"● running", 60)
    tmux.wait_for(r"✓ reproduced|✗ not reproduced", TRAINING_SECONDS)

    tmux.press("2")
    tmux.wait_for(r"2 runs")
    tmux.press("Escape", "Home", "Space", "Space", "3")
    tmux.wait_for(r"A +momentum-0.01")
    tmux.resize(140, 40)
    tmux.wait_for(r"≠ batch_norm.momentum +0.01 +0.99")
    tmux.press("q")
    tmux.wait_for(r"EXIT 0")
    assert [run.state() for run in Store(store).runs()] == ["finished", "finished"]


def test_a_run_goes_on_when_the_program_is_left(tmux: Tmux, store: Path) -> None:
    tmux.wait_for("original-bug")
    tmux.press("r")
    tmux.wait_for(r"Run original-bug")
    tmux.press("Enter")
    tmux.wait_for(r"● running", 60)
    tmux.press("q")
    tmux.wait_for(r"Leave running")
    tmux.press("l")
    tmux.wait_for(r"EXIT 0")
    run = Store(store).runs()[0]
    end = time.monotonic() + TRAINING_SECONDS
    while run.state() == "running" and time.monotonic() < end:
        time.sleep(0.5)
    assert run.state() == "finished"
