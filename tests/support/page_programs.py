"""The programs that docs/record.md prints."""

from __future__ import annotations

import re

from tests.support.paths import ROOT


def page_programs() -> dict[str, str]:
    """Return the programs of the page by file name."""
    page = (ROOT / "docs/record.md").read_text(encoding="utf-8")
    return dict(re.findall(r"In `(\w+\.py)`:\n\n```python\n(.*?)```", page, re.DOTALL))
