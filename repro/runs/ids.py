"""Run ids: DATETIME-SCENARIO-ENVIRONMENT-sSEED-RANDOM, which is also the name of the run's directory."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime, timedelta

CLOCK_FAULT_SECONDS = 86_400.0
TIME_FORMAT = "%Y%m%dT%H%M%S.%fZ"
# The environment of every recording: the program's own.
RECORDED = "recorded"
# Time, scenario and environment, seed, random part. Both names may hold hyphens: the id alone does not separate them.
PATTERN = re.compile(r"^(\d{8}T\d{6}\.\d{6}Z)-(.+)-s(\d+)-([a-z0-9]{4})$")
_RANDOM_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"


def new_id(scenario: str, environment: str, seed: int, after: str = "") -> str:
    """Return a new id with the current time (UTC, microseconds).

    If the clock was set back by less than a day, the time is one microsecond after that of the id `after`.
    """
    now = datetime.now(UTC)
    with contextlib.suppress(ValueError):
        latest = datetime.strptime(after.partition("-")[0], TIME_FORMAT).replace(tzinfo=UTC)
        if timedelta(0) <= latest - now < timedelta(seconds=CLOCK_FAULT_SECONDS):
            now = latest + timedelta(microseconds=1)
    from secrets import choice  # 6 ms with hashlib, which the first paint of the screen need not pay

    random = "".join(choice(_RANDOM_ALPHABET) for _ in range(4))
    return f"{now.strftime(TIME_FORMAT)}-{scenario}-{environment}-s{seed}-{random}"


def short_id(run_id: str) -> str:
    """Return the random part of an id: a name that is unique enough for people, and that commands accept."""
    return run_id.rpartition("-")[2]
