"""How a bundle is refused."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

from repro.base.errors import InputError
from repro.base.text import one_line

ASK_AGAIN = "ask for it again, or export it anew"


def bad(path: Path, what: str, do: str = ASK_AGAIN) -> NoReturn:
    """Raise InputError for the bundle."""
    raise InputError(one_line(what, 400), do=do, file=path)
