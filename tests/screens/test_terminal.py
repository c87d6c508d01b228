"""The program in a terminal of its own: modes restored on signals, exit codes, what is imported."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.runs import recorded
from tests.support.terminal import Terminal, left_on, variables


@pytest.fixture
def terminal(store: Path, tmp_path: Path) -> Iterator[Terminal]:
    found = Terminal(["-m", "repro", "--store", str(store)], variables(tmp_path))
    yield found
    found.close()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_restores_the_terminal(terminal: Terminal, store: Path, number: signal.Signals, code: int) -> None:
    run = recorded.write(store, recorded.make_id(1), recorded.beginning())
    with run.acquire():
        terminal.wait_for(b"original-bug")
        assert left_on(terminal.output)
        terminal.process.send_signal(number)
        assert terminal.end() == code
        assert not run.file("stop").exists()
    assert left_on(terminal.output) == []
    assert termios.tcgetattr(terminal.side)[:4] == terminal.before[:4]
    assert b"Traceback" not in terminal.output


BROKEN = {
    "key": "tui.app.ReproApp.action_help",
    "screen's thread": "tui.viewmodels.scenarios.ScenarioList.refresh",
    "store's thread": "tui.watchers.StoreWatcher.look",
}


@pytest.mark.parametrize("place", BROKEN.values(), ids=BROKEN)
def test_a_defect_is_one_line_and_a_file(store: Path, tmp_path: Path, place: str) -> None:
    module, owner, name = place.rsplit(".", 2)
    program = f"""
import sys, {module}, tui
from pathlib import Path
def broken(self):
    raise ZeroDivisionError("planted")
{module}.{owner}.{name} = broken
sys.exit(tui.start(Path({str(store)!r})))
"""
    terminal = Terminal(["-c", program], {**variables(tmp_path), "TMPDIR": str(tmp_path)})
    try:
        if name == "action_help":
            terminal.wait_for(b"nothing is running")
            os.write(terminal.main, b"?")
        assert terminal.end() == 4
        (file,) = tmp_path.glob("repro-error-*.log")
        line = f"repro: a defect in repro: please report it with {file}; runs that go on are not touched"
        assert line in terminal.output.decode().replace("\r\n", "")
        assert b"Traceback" not in terminal.output
        assert "ZeroDivisionError: planted" in file.read_text("utf-8")
        assert left_on(terminal.output) == []
        assert termios.tcgetattr(terminal.side)[:4] == terminal.before[:4]
    finally:
        terminal.close()


def test_without_its_terminal_the_program_ends(terminal: Terminal) -> None:
    terminal.wait_for(b"original-bug")
    os.close(terminal.main)
    try:
        assert terminal.process.wait(timeout=60) == 129
    finally:
        terminal.main = os.open(os.devnull, os.O_RDONLY)


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.1, 0.15])
def test_a_terminal_that_was_told_no_size_is_drawn_and_left(terminal: Terminal, seconds: float) -> None:
    """As a container's may be; it was drawn for ever, and no signal ended it, whenever it was told nothing."""
    time.sleep(seconds)
    fcntl.ioctl(terminal.side, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    terminal.wait_for(b"original-bug")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 143
    assert left_on(terminal.output) == []


def test_q_leaves_with_exit_code_0(terminal: Terminal) -> None:
    terminal.wait_for(b"nothing is running")
    os.write(terminal.main, b"q")
    assert terminal.end() == 0
    assert left_on(terminal.output) == []


def test_without_a_terminal_one_line_and_exit_2_before_textual_is_imported(store: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.argv = ['repro'];\n"
        "import tui; code = tui.start(None);\n"
        "assert not [m for m in sys.modules if m.startswith('textual')], 'textual was imported'; sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=variables(tmp_path),
        cwd=ROOT,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("repro: no terminal: ") and done.stderr.count("\n") == 1


def test_the_program_imports_no_framework_and_at_first_neither_numpy_nor_images(tmp_path: Path) -> None:
    code = (
        "import sys, tui.app\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in "
        "('tensorflow', 'keras', 'numpy', 'PIL', 'pygments', 'click', 'distributed')]\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], env=variables(tmp_path), cwd=ROOT, timeout=60, check=True)
