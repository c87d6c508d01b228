"""A traceback is a defect of ours: it goes to a file, the user gets one line."""

from __future__ import annotations

import tempfile
import traceback


def keep(error: BaseException) -> str:
    """Write the traceback to a file in the temporary folder; the line that names it."""
    text = "".join(traceback.format_exception(error))
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", errors="backslashreplace", prefix="repro-error-", suffix=".log", delete=False
        ) as file:
            file.write(text)
        return f"a defect in repro: please report it with {file.name}"
    except OSError:
        return f"a defect in repro: {text.splitlines()[-1]}"
