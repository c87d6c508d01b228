"""The what-if screen's worker, answering from a rule instead of weights, and only when it is let."""

from __future__ import annotations

import threading
from typing import ClassVar, Self

from repro.runs.directory import RunDirectory
from repro.supervise.what_if import Answer, Statistics
from tui.what_if_queue import Question


class Recorded:
    """Answers at once, or when let; remembers the questions."""

    asked: ClassVar[list[Question]]
    let: ClassVar[threading.Event]
    ended: ClassVar[threading.Event]
    fault: ClassVar[Exception | None]

    def __init__(self, run: RunDirectory) -> None:
        self.run = run

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()

    def stop(self) -> None:
        self.let.set()

    def ask(self, momentum: float, epoch: int, statistics: Statistics = "moving") -> Answer:
        self.asked.append(Question(momentum, epoch, statistics))
        assert self.let.wait(60)
        if self.fault is not None:
            raise self.fault
        right = 3 if momentum**epoch < 0.1 or statistics == "re-estimated" else 2 if statistics == "debiased" else 1
        classes = [0, 1 if right > 1 else 0, 2 if right > 2 else 0]
        return Answer(
            momentum=momentum,
            epoch=epoch,
            statistics=statistics,
            exact=statistics == "moving",
            predict={
                "classes": classes,
                "probabilities": [[0.7 if c == k else 0.15 for c in range(3)] for k in classes],
            },
            evaluate={"loss": 1.25, "accuracy": right / 3},
            seconds=0.1,
        )
