"""The engine's sentences in the colours of a screen."""

from __future__ import annotations

from textual.content import Content

from repro.explain.phrases import Sentence, Tone
from tui.text import BAD, GOOD, ODD, QUIET

_STYLES: dict[Tone, str] = {"": "", "good": GOOD, "bad": BAD, "odd": ODD, "quiet": QUIET}


def styled(sentence: Sentence, width: int) -> Content:
    """A sentence as a screen of `width` cells shows it."""
    return Content.assemble(
        *(
            (phrase.text, f"bold {_STYLES[phrase.tone]}".strip() if phrase.bold else _STYLES[phrase.tone])
            for phrase in sentence
            if width >= phrase.least_width
        )
    )
