"""One image as it was found and trained on: what run.json keeps of it."""

from __future__ import annotations

import msgspec


class ImageRecord(msgspec.Struct, frozen=True):
    """One image as found and as trained on. Sizes in pixels; statistics over the decoded pixels (0 to 255)."""

    name: str
    sha256: str
    mode: str
    width: int
    height: int
    label: int
    pixels_sha256: str
    minimum: int
    maximum: int
    mean: float
    standard_deviation: float
