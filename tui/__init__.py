"""The terminal UI. It reads run directories and starts command lines; it never trains and never imports TensorFlow."""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path

EXIT_NO_TERMINAL = 2
SIZE_SECONDS = 1.0


def start(store: Path | None = None) -> int:
    """Open the program on `store`; the exit code. Without a terminal: one line on standard error and exit code 2."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        sys.stderr.write(
            "repro: no terminal: give a command (repro --help), or start it in a terminal (docker run -it)\n"
        )
        return EXIT_NO_TERMINAL
    from repro.base.terminal import guarded

    gc.disable()  # until the first paint: nothing that is made before is thrown away, and looking for it takes 15 ms
    _settle_size()
    with guarded(sys.stdin.fileno()):
        from tui.app import main  # 0.3 s, and without a terminal Textual spins for ever

        return main(store)


def _settle_size() -> None:
    """Follow the terminal's own size. A container's may be told it after the program began, and says 0x0 until then."""
    for name in ("COLUMNS", "LINES"):
        os.environ.pop(name, None)  # a shell may export them; they would hide a change of size
    deadline = time.monotonic() + SIZE_SECONDS
    while 0 in os.get_terminal_size(sys.stdout.fileno()) and time.monotonic() < deadline:
        time.sleep(0.02)
