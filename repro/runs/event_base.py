"""What all events are made of; kept apart from `events` so that several modules can declare events."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Number = float | Literal["nan", "inf", "-inf"]
Seconds = Annotated[float, Meta(ge=-1e11, le=1e11)]
Epoch = Annotated[int, Meta(ge=0, le=1_000_000_000)]
Count = Annotated[int, Meta(ge=0, le=10**12)]


class Event(msgspec.Struct, frozen=True, tag_field="event", omit_defaults=False, kw_only=True):
    """Base: `seq` counts from 0 without gaps, `time` is seconds since the epoch (UTC).

    Within an attempt times never decrease, also if the clock is set back; a heartbeat has the time of the clock.
    """

    seq: int = -1
    time: Seconds = 0.0
