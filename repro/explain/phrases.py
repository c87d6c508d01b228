"""Sentences that a command prints plainly and a screen colours."""

from __future__ import annotations

from typing import Literal, NamedTuple

Tone = Literal["", "good", "bad", "odd", "quiet"]
# Cells that a screen needs for the longer sentences.
ROOMY = 80
VERY_WIDE = 132


class Phrase(NamedTuple):
    """Part of a sentence.

    `tone`: whether what it says is good or bad news. `least_width`: on a screen of fewer cells it is left out.
    """

    text: str
    tone: Tone = ""
    bold: bool = False
    least_width: int = 0


Sentence = tuple[Phrase, ...]


def as_text(sentence: Sentence) -> str:
    """The whole sentence without tones."""
    return "".join(phrase.text for phrase in sentence)
