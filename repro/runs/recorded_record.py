"""What run.json says of a recording: whose program trained, with which Keras."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from repro.runs.event_base import Count
from repro.runs.ids import RECORDED as RECORDED

RECORDING_FORMAT = 1

_Text = Annotated[str, Meta(max_length=1000)]
_Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Commit(msgspec.Struct, frozen=True):
    """The git commit of the program; `dirty`: whether files differ from it, None if that was not asked."""

    commit: _Text | None = None
    dirty: bool | None = None


class Recorded(msgspec.Struct, frozen=True):
    """The program, its Keras and the recorder; `number` counts the recordings of its process from 1."""

    format: Count
    recorder: _Text
    script: _Text | None
    script_sha256: _Sha256 | None
    arguments: Annotated[list[_Text], Meta(max_length=10_000)]
    python: _Text
    keras: _Text | None
    keras_module: _Text | None
    generation: _Text
    executable: _Text | None = None
    backend: _Text | None = None
    tensorflow: _Text | None = None
    git: Commit | None = None
    pid: Count | None = None
    parent_pid: Count | None = None
    number: Count = 1
    with_data: bool = False
