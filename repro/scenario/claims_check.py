"""What the types alone cannot say of a scenario's claims."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from repro.base import yaml_file
from repro.base.text import one_line
from repro.scenario.script_types import AnyClaim

_NUMBER_OPERATORS = ("equal", "close", "at_least", "at_most")


def check(document: yaml_file.Document, claims: Sequence[AnyClaim], environments: Collection[str] | None) -> None:
    """Refuse claims that contradict themselves: InputError. They may name any environment if `environments` is None."""
    seen: set[str] = set()
    for index, claim in enumerate(claims):
        at = ("claims", index)
        if claim.id in seen:
            document.fail(f"claims[{index}].id: {claim.id} stands twice", (*at, "id"), do="give each claim its own id")
        seen.add(claim.id)
        _check_operator(document, claim, index)
        for place, environment in enumerate(claim.only):
            if environments is not None and environment not in environments:
                document.fail(
                    f"claims[{index}].only: no environment is called {one_line(environment, 60)!r}",
                    (*at, "only", place),
                    do=f"choose from {', '.join(environments)}",
                )


def _check_operator(document: yaml_file.Document, claim: AnyClaim, index: int) -> None:
    at = ("claims", index)
    if claim.operator in _NUMBER_OPERATORS:
        if isinstance(claim.to, str) and claim.operator != "close":
            document.fail(f"claims[{index}].to: {claim.operator} needs a number", (*at, "to"), do="give one")
    elif not isinstance(claim.to, str):
        document.fail(
            f"claims[{index}].to: {claim.operator} needs the name of a value", (*at, "to"), do="see `repro schema`"
        )
    if (claim.operator == "close") != (claim.within is not None):
        what, do = (
            ("close needs `within`", "add it")
            if claim.within is None
            else ("`within` goes with `close` only", "leave it out")
        )
        document.fail(f"claims[{index}]: {what}", (*at, "within"), do=do)
