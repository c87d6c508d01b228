"""What run.json keeps of the program of a script scenario."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

MAX_FILES = 10_000

_Name = Annotated[str, Meta(min_length=1, max_length=1000)]
_Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class ScriptFile(msgspec.Struct, frozen=True):
    """A file of the program, by its path in the scenario's folder."""

    name: _Name
    sha256: _Sha256
    bytes: Annotated[int, Meta(ge=0)]


class ScriptRecord(msgspec.Struct, frozen=True):
    """What run.json keeps of a script scenario's program; the files themselves are in the run's folder `program`."""

    file: _Name
    arguments: Annotated[list[Annotated[str, Meta(max_length=2000)]], Meta(max_length=100)]
    files: Annotated[list[ScriptFile], Meta(max_length=MAX_FILES)]
