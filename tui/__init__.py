"""The terminal UI. It reads run directories and starts command lines; it never trains and never imports TensorFlow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

EXIT_NO_TERMINAL = 2


def start(store: Path | None = None) -> int:
    """Open the program on `store`; the exit code. Without a terminal: one line on standard error and exit code 2."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(
            "repro: no terminal: give a command (repro --help), or start it in a terminal (docker run -it)\n"
        )
        return EXIT_NO_TERMINAL
    for name in (
        "COLUMNS",
        "LINES",
    ):  # a shell may export them; they would hide a change of size
        os.environ.pop(name, None)
    from tui.app import main  # 0.3 s, and without a terminal Textual spins for ever

    return main(store)
