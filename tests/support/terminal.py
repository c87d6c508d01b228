"""The program on a pseudo terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from tests.support.paths import ROOT

# What Textual turns on: alternate screen, mouse, focus events, bracketed paste.
MODES = ["1049", "1000", "1003", "1004", "2004"]


def variables(tmp_path: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLORTERM")},
        "TERM": "xterm-256color",
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "REPRO_NO_WARM": "1",
        "PYTHONPATH": str(ROOT),
    }


class Terminal:
    """A program on a pseudo terminal."""

    def __init__(
        self,
        arguments: list[str],
        environment: dict[str, str],
        rows: int = 24,
        columns: int = 80,
        folder: Path = ROOT,
    ) -> None:
        self.main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=side,
            stdout=side,
            stderr=side,
            env=environment,
            start_new_session=True,
            cwd=folder,
        )
        self.side = side
        self.before = termios.tcgetattr(side)
        self.output = b""
        os.set_blocking(self.main, False)

    def read(self) -> bytes:
        with contextlib.suppress(BlockingIOError, OSError):
            while data := os.read(self.main, 1 << 16):
                self.output += data
        return self.output

    def wait_for(self, text: bytes, seconds: float = 60.0) -> None:
        end = time.monotonic() + seconds
        while text not in self.read():
            has_ended = self.process.poll() is not None
            if (has_ended and text not in self.read()) or time.monotonic() > end:
                pytest.fail(f"{text!r} never came; the end was {self.output[-500:]!r}")
            time.sleep(0.02)

    def end(self, seconds: float = 60.0) -> int:
        end = time.monotonic() + seconds
        while self.process.poll() is None:
            self.read()  # a full pipe would keep it from ending
            if time.monotonic() > end:
                pytest.fail("it does not end")
            time.sleep(0.02)
        self.read()
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.side)
        os.close(self.main)


def left_on(output: bytes) -> list[str]:
    """Terminal modes that were turned on and not off again."""
    return [mode for mode in MODES if output.rfind(f"\x1b[?{mode}h".encode()) > output.rfind(f"\x1b[?{mode}l".encode())]
