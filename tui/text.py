"""Words, signs and numbers as they stand on the screen. Every state has a word besides its colour."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.content import Content

from repro.base import text as engine_text
from repro.base.errors import ReproError
from repro.base.text import one_line

GOOD, BAD, ODD, BUSY, QUIET, BAR = (
    "$text-success",
    "$text-error",
    "$text-warning",
    "$text-accent",
    "$repro-quiet",
    "$repro-bar",
)
HIGH, MIDDLE, LOW = "$repro-heat-high", "$repro-heat-middle", "$repro-heat-low"


@dataclass(frozen=True)
class Word:
    """A state with its sign and its style."""

    sign: str
    word: str
    style: str

    def content(self, width: int = 0) -> Content:
        """Sign and word, padded to `width` cells."""
        return Content.styled(f"{self.sign} {self.word}".ljust(width), self.style)


WORDS = {
    "REPRODUCED": Word("✓", "reproduced", GOOD),
    "NOT_REPRODUCED": Word("✗", "not reproduced", BAD),
    "INCONCLUSIVE": Word("?", "inconclusive", ODD),
    "running": Word("●", "running", BUSY),
    "waiting": Word("○", "waiting", BUSY),
    "finished": Word("✓", "finished", GOOD),
    "recorded": Word("✓", "recorded", GOOD),
    "failed": Word("✗", "failed", BAD),
    "stopped": Word("■", "stopped", ODD),
    "interrupted": Word("!", "interrupted", ODD),
    "damaged": Word("✗", "damaged", BAD),
    "elsewhere": Word("~", "elsewhere", BUSY),
    "reading": Word("·", "reading", QUIET),
    "held": Word("✓", "held", GOOD),
    "unknown": Word("·", "open", QUIET),
    "skipped": Word("-", "skipped", QUIET),
}


def word(state: str) -> Word:
    """The Word for a state, verdict or outcome."""
    return WORDS.get(state, Word("?", one_line(state, 20), ODD))


def reason_of(error: Exception) -> str:
    """What an error says, with its kind if it is not one that users are meant to see."""
    text = str(error)
    return text if isinstance(error, ReproError) and text else f"{type(error).__name__}: {text or 'no reason given'}"


def duration(seconds: float | None) -> str:
    """Seconds for people, in two digits below a minute."""
    return "-" if seconds is None else engine_text.duration(seconds, brief=True)


def roughly(seconds: float) -> str:
    """Seconds that are a guess: no more figures than a guess has."""
    if seconds < 60:
        return f"{max(1.0, seconds):.0f} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min"


def prose(text: str) -> Content:
    """Text in which `words` between backticks stand out in place of the backticks."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # an odd backtick is only a backtick
        return Content(text)
    return Content.assemble(*((part, "bold" if i % 2 else "") for i, part in enumerate(parts)))


def size(count: int) -> str:
    """Bytes for people."""
    amount = float(count)
    for unit in ("B", "kB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"


def when(moment: float, now: float | None = None) -> str:
    """A time in the past, in at most 12 cells."""
    now = time.time() if now is None else now
    passed = now - moment
    if 0 <= passed < 60:
        return "just now"
    if 0 <= passed < 3600:
        return f"{passed // 60:.0f} min ago"
    here = time.localtime(moment)
    if time.localtime(now)[:3] == here[:3]:
        return time.strftime("today %H:%M", here)
    return time.strftime("%d %b %H:%M" if time.localtime(now)[0] == here[0] else "%d %b %Y", here)


def bar(value: float | None, width: int) -> str:
    """A bar of `width` cells in eighths, 0 to 1; dots where there is no value."""
    if value is None or not math.isfinite(value):
        return "·" * width
    eighths = round(min(max(value, 0.0), 1.0) * width * 8)
    full, part = divmod(eighths, 8)
    return ("█" * full + (" ▏▎▍▌▋▊▉"[part] if part else "")).ljust(width)


def share_style(value: float | None) -> str:
    """Colour of what is left of a distance; the figures and bars beside it say the same."""
    if value is None:
        return QUIET
    return HIGH if value >= 0.5 else MIDDLE if value >= 0.05 else LOW


def level(value: float | None) -> str:
    """One cell that is the fuller the greater the share: readable without colour."""
    if value is None or not math.isfinite(value):
        return "·"
    return "▁▂▃▄▅▆▇█"[min(7, max(0, int(min(max(value, 0.0), 1.0) * 8)))]


def shade(part: float) -> tuple[str, str]:
    """Character and colour for a share of images right."""
    if part >= 1:
        return "█", LOW
    if part >= 0.5:
        return "▓", MIDDLE
    return ("▒" if part > 0 else "░"), HIGH


def hanging(first: Content | str, text: Content | str, width: int, indent: int | None = None) -> list[Content]:
    """`text` behind `first`, wrapped to `width` cells, its further lines set in."""
    head = first if isinstance(first, Content) else Content(first)
    body = text if isinstance(text, Content) else Content(text)
    indent = head.cell_length if indent is None else indent
    pieces = body.wrap(max(16, width - indent)) or [Content("")]
    return [head + pieces[0].rstrip(), *(Content(" " * indent) + piece.rstrip() for piece in pieces[1:])]


def rows(lines: Iterable[Content]) -> Content:
    """Lines as one content."""
    return Content("\n").join(list(lines))


def table(head: Sequence[str], body: Sequence[Sequence[str | Content]], right: Sequence[int] = ()) -> Content:
    """A table with aligned columns; those in `right` are set right."""
    width = [max([len(head[i])] + [_length(row[i]) for row in body]) for i in range(len(head))]
    lines = [Content.styled("  ".join(_set(c, width[i], i in right) for i, c in enumerate(head)).rstrip(), QUIET)]
    for row in body:
        cells = []
        for i, cell in enumerate(row):
            content = cell if isinstance(cell, Content) else Content(cell)
            gap = Content(" " * max(0, width[i] - content.cell_length))
            cells.append(gap + content if i in right else content + gap)
        lines.append(Content("  ").join(cells).rstrip())
    return rows(lines)


def _length(cell: str | Content) -> int:
    return (cell if isinstance(cell, Content) else Content(cell)).cell_length


def _set(cell: str, width: int, right: bool) -> str:
    return cell.rjust(width) if right else cell.ljust(width)
