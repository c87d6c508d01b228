"""One run as a line of a list. Imports nothing of the engine: the first screen stands before it is read."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

_PARTS = re.compile(r"^(\d{8}T\d{6}\.\d{6})Z-(.+)-s(\d+)-([a-z0-9]{4})$")
ENDED = frozenset({"finished", "failed", "stopped", "interrupted", "damaged"})


@dataclass(frozen=True)
class Summary:
    """One run as a line of a list. What the id alone does not say is empty until it was read."""

    id: str
    started: float
    scenario: str
    environment: str
    seed: int
    short: str
    state: str = "reading"
    verdict: str | None = None
    degraded: bool = False
    seconds: float | None = None
    step_seconds: float | None = None
    epoch: int = 0
    epochs: int = 0
    reason: str = ""
    fit_accuracy: float | None = None
    predict_accuracy: float | None = None
    claims: tuple[tuple[str, str], ...] = ()
    started_known: bool = True

    @property
    def outcome(self) -> str:
        """The verdict of a finished run, else the state."""
        return self.verdict or self.state

    @property
    def text(self) -> str:
        """What a filter looks at."""
        return f"{self.id} {self.state} {(self.verdict or '').replace('_', ' ').lower()} seed {self.seed}"


def from_id(run_id: str, environments: Sequence[str]) -> Summary:
    """What the directory's name says; nothing is read."""
    match = _PARTS.match(run_id)
    if match is None:
        return Summary(run_id, 0.0, run_id, "", 0, "", started_known=False)
    with contextlib.suppress(ValueError):
        stamp = datetime.strptime(match[1], "%Y%m%dT%H%M%S.%f").replace(tzinfo=UTC).timestamp()
        scenario, environment = match[2], ""
        for name in sorted(environments, key=len, reverse=True):
            if match[2].endswith(f"-{name}"):
                scenario, environment = match[2][: -len(name) - 1], name
                break
        return Summary(run_id, stamp, scenario, environment, int(match[3]), match[4])
    return Summary(run_id, 0.0, run_id, "", 0, "", started_known=False)
