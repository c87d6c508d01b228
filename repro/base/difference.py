"""One row of a comparison: the same thing in several runs or environments."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class DifferenceRow:
    """One thing that is compared; `values` in the order of what is compared, None if one of them lacks it."""

    section: str
    name: str
    values: tuple[Any, ...]
    group: str = ""
    why: str = ""
    source: str = ""
    # Whether it can be the reason for a changed figure; None if that is no question.
    explains: bool | None = None
    # Timings differ between any two runs: they are always shown, and nothing is concluded from them.
    always: bool = False

    @property
    def differs(self) -> bool:
        return not all_equal(self.values)

    def explanation(self) -> dict[str, Any]:
        """Return the row as the JSON of commands that explain what differs between environments."""
        return {
            "name": self.name,
            "values": list(self.values),
            "group": self.group,
            "why": self.why,
            "source": self.source,
            "explains": self.explains,
        }


def all_equal(values: Iterable[Any]) -> bool:
    """Return whether all values are equal; True and 1 are not."""
    first, *others = values
    return all(value == first and isinstance(value, bool) == isinstance(first, bool) for value in others)
