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


class QuestionQueue:
    """One urgent question and a list for the background; each question is handed out once."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._urgent: Question | None = None
        self._background: list[Question] = []
        self._handed_out: set[Question] = set()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """Whether no more answers are waited for."""
        return self._is_closed

    def put(self, urgent: Question | None, background: Iterable[Question] = ()) -> None:
        """Replace all questions that were not handed out yet."""
        with self._changed:
            self._urgent = urgent if urgent not in self._handed_out else None
            self._background = [question for question in background if question not in self._handed_out]
            self._changed.notify()

    def take(self) -> Question | None:
        """The next question, as soon as there is one; None once closed."""
        with self._changed:
            while not self._is_closed:
                question = self._urgent or (self._background.pop(0) if self._background else None)
                if question is None:
                    self._changed.wait()
                    continue
                if question == self._urgent:
                    self._urgent = None
                if question not in self._handed_out:
                    self._handed_out.add(question)
                    return question
        return None

    def close(self) -> None:
        """Hand out no more questions and wake the thread that waits for one."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
