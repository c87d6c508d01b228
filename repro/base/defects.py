"""Keeps the traceback of a defect of ours in a file and gives the user one line."""

from __future__ import annotations

import tempfile
import traceback


def keep(error: BaseException) -> str:
    """Write the traceback to a file in the temporary folder and return the line that names it."""
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", prefix="repro-error-", suffix=".log", delete=False
        ) as file:
            file.write(text)
        return f"a defect in repro: please report it with {file.name}"
    except OSError:
        return f"a defect in repro: {text.splitlines()[-1]}"
