"""`python -m repro`, and the command `repro`."""

from __future__ import annotations

import io
import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from repro.cli import run_command_line

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a title must not end a command where UTF-8 is not spoken
    sys.exit(run_command_line(sys.argv[1:]))


if __name__ == "__main__":
    main()
