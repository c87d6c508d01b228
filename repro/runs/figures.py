"""Long series of numbers, eight bytes each."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import overload

from repro.runs import events


class Figures(Sequence[events.Number]):
    """A figure of each epoch in eight bytes, where a list takes thirty-two: a run may have very many.

    Reads like a list of the numbers as events have them. `floats`: the same where nan and infinities are no words.
    """

    __slots__ = ("floats",)

    def __init__(self) -> None:
        self.floats = array("d")

    def append(self, value: events.Number) -> None:
        """One more epoch."""
        self.floats.append(float(value))

    def cut(self, length: int) -> None:
        """Forget all but the first `length`."""
        del self.floats[length:]

    @overload
    def __getitem__(self, at: int) -> events.Number: ...
    @overload
    def __getitem__(self, at: slice) -> list[events.Number]: ...
    def __getitem__(self, at: int | slice) -> events.Number | list[events.Number]:
        if isinstance(at, slice):
            return [events.to_number(value) for value in self.floats[at]]
        return events.to_number(self.floats[at])

    def __iter__(self) -> Iterator[events.Number]:
        return map(events.to_number, self.floats)

    def __len__(self) -> int:
        return len(self.floats)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))
