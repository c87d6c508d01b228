"""`python -m repro`, and the command `repro`."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    _fill_standard_streams()
    code = _open_screen(sys.argv[1:])
    if code is None:
        import io

        from repro.cli import run_command_line

        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="backslashreplace")  # a title must not end a command for want of UTF-8
        code = run_command_line(sys.argv[1:])
    sys.exit(code)


def _fill_standard_streams() -> None:
    """Of `>&-`: no file of ours may get the number of a stream that is closed, where others would write into it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _open_screen(arguments: list[str]) -> int | None:
    """The terminal UI where no command is named, without what commands are made of; else None."""
    if arguments and not (len(arguments) == 2 and arguments[0] == "--store"):
        return None
    try:
        import tui
    except ImportError:
        return None  # the command line says so
    try:
        from pathlib import Path

        return tui.start(Path(arguments[1]) if arguments else None)
    except BaseException as error:
        from repro.cli import guarded

        fault = error

        def again() -> int:
            raise fault

        return guarded(again)


if __name__ == "__main__":
    main()
