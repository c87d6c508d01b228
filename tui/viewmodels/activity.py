"""What is going on, in a few words for the header."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from repro.base.text import one_line
from repro.runs.summary import RunSummary
from tui.text import BUSY, ODD, QUIET


def activity_line(
    error: str | None, running: Sequence[RunSummary], waiting: int, *, is_starting: bool, is_standby_ready: bool
) -> Content:
    """The store's fault, else the first running run with its epoch, and how many more run and wait."""
    if error:
        return Content.styled(one_line(error, 80), ODD)
    parts: list[tuple[str, str]] = []
    if running:
        first = running[0]
        epochs = f" {first.epoch}/{first.epochs}" if first.epochs else ""
        parts.append((f"● {one_line(first.scenario, 30)}{epochs}", BUSY))
        if len(running) > 1:
            parts.append((f" +{len(running) - 1}", BUSY))
    elif is_starting:
        parts.append(("● starting", BUSY))
    if waiting:
        parts.append((f"  ○ {waiting} waiting", QUIET if running else ODD))
    if not parts:
        return Content.styled("warmed up" if is_standby_ready else "nothing is running", QUIET)
    return Content.assemble(*parts)
