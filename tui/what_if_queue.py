"""What-if questions on their way to the one warm worker: that of the sliders first, stale ones dropped."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple

from repro.supervise.what_if import Statistics


class Question(NamedTuple):
    """A momentum, an epoch with kept weights, and which statistics inference uses."""

    momentum: float
    epoch: int
    statistics: Statistics


class Questions:
    """One place for the newest question, a list for those of the background; each is handed out once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._newest: Question | None = None
        self._others: list[Question] = []
        self._taken: set[Question] = set()
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether nobody waits for answers any more."""
        return self._closed

    def want(self, newest: Question | None, others: Iterable[Question] = ()) -> None:
        """What is wanted now, in place of all that was wanted before and is not under way."""
        with self._changed:
            self._newest = newest if newest not in self._taken else None
            self._others = [one for one in others if one not in self._taken]
            self._changed.notify()

    def take(self) -> Question | None:
        """The next one, as soon as there is one; None once closed."""
        with self._changed:
            while not self._closed:
                found = self._newest or (self._others.pop(0) if self._others else None)
                if found is None:
                    self._changed.wait()
                    continue
                if found == self._newest:
                    self._newest = None
                if found not in self._taken:
                    self._taken.add(found)
                    return found
        return None

    def close(self) -> None:
        """Wake whoever waits; no more questions."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
