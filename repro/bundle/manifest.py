"""bundle.json: what a bundle holds, what was left out and what was replaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

FORMAT = 2
NAME = "bundle.json"
MAX_ENTRIES = 10_000
MAX_ARCHIVE_BYTES = 256 * 1024 * 1024
MAX_TOTAL_BYTES = 512 * 1024 * 1024
MAX_MANIFEST_BYTES = 8 * 1024 * 1024
# Of all JSON and YAML in a bundle. A byte of text takes up to four in memory, a value of two bytes thirty-two, an empty
# list of three bytes eighty: together they stay under 1 GB.
MAX_TEXT_BYTES = 96 * 1024 * 1024
MAX_VALUES = 8_000_000
MAX_LISTS = 1_500_000

DECODED = (".json", ".jsonl", ".yaml")


@dataclass
class DecodeBudget:
    """How much of what a reader would decode is in a bundle, counted file by file."""

    text_bytes: int = 0
    values: int = 0
    lists: int = 0

    def add(self, name: str, data: bytes) -> None:
        """Count a file, or a part of one."""
        if name.endswith(DECODED):
            self.text_bytes += len(data)
            self.values += data.count(b",")
            self.lists += data.count(b"[") + data.count(b"{")

    @property
    def fault(self) -> str | None:
        """What there is too much of; None within the limits."""
        if self.text_bytes > MAX_TEXT_BYTES:
            return f"its records are larger than {MAX_TEXT_BYTES >> 20} MiB"
        if self.values > MAX_VALUES or self.lists > MAX_LISTS:
            return f"its records hold more than {MAX_VALUES:,} values or {MAX_LISTS:,} lists"
        return None


Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
Size = Annotated[int, Meta(ge=0)]
Word = Annotated[str, Meta(max_length=400)]


class FileEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One file: the hash as stored and, where something in it was replaced, that of the original."""

    path: Word
    bytes: Size
    sha256: Sha256
    original_sha256: Sha256 | None = None


class LeftOut(msgspec.Struct, frozen=True):
    """A file of a run that is not in the bundle, and why."""

    path: Word
    bytes: Size
    sha256: Sha256
    reason: Word


class Replaced(msgspec.Struct, frozen=True):
    """How often an alias is in a file, and for what kind of thing."""

    path: Word
    alias: Word
    kind: Word
    times: Size


class RunEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One run of the bundle; its directory is runs/ID. `script` and `data`: only where a program trained."""

    id: Annotated[str, Meta(pattern=r"^\d{8}T\d{6}\.\d{6}Z-[a-z0-9.-]{1,120}-s\d{1,10}-[a-z0-9]{4}\Z")]
    scenario: Word
    scenario_sha256: Sha256
    environment: Word
    seed: int
    state: Literal["finished", "failed", "stopped", "interrupted"]
    verdict: Literal["REPRODUCED", "NOT_REPRODUCED", "INCONCLUSIVE"] | None
    images: Literal["included", "hashes"]
    script: Literal["included", "hash"] | None = None
    data: Literal["included", "facts"] | None = None


class Manifest(msgspec.Struct, frozen=True):
    """The whole of bundle.json. Hashes show integrity, not authorship."""

    format: int
    program: Word
    runs: Annotated[list[RunEntry], Meta(min_length=1, max_length=500)]
    files: Annotated[list[FileEntry], Meta(max_length=MAX_ENTRIES)]
    left_out: Annotated[list[LeftOut], Meta(max_length=MAX_ENTRIES)] = []
    replaced: Annotated[list[Replaced], Meta(max_length=200_000)] = []
