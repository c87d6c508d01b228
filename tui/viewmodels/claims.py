"""Claims as lines: sign, word, what was measured against what was expected."""

from __future__ import annotations

import re
from collections.abc import Sequence

from textual.content import Content

from repro.base.text import one_line, rounded
from repro.runs.records import ClaimResult
from repro.scenario.types import Scenario
from tui.text import QUIET, hanging, rows, word

_LONG = re.compile(r"\d+\.\d{8,}")


def lines(claims: Sequence[ClaimResult], width: int) -> Content:
    """All claims, each with its sentence, in `width` cells."""
    if not claims:
        return Content.styled("this scenario makes no claim", QUIET)
    found: list[Content] = []
    names = max(len(one_line(claim.id, 20)) for claim in claims)
    figures = ["" if claim.measured is None else rounded(claim.measured) for claim in claims]
    room = max(map(len, figures))
    for claim, figure in zip(claims, figures, strict=True):
        what = word(claim.outcome)
        head = Content.assemble(
            (f"{what.sign} {what.word:<8}", what.style),
            (f"{one_line(claim.id, 20):<{names}}  ", "bold"),
            f"{figure:<{room}}  " if room else "",
        )
        expected = Content.styled(_expected(claim), QUIET)
        if width - head.cell_length < min(26, expected.cell_length):
            found += [head.rstrip(), *hanging("  ", expected, width)]
        else:
            found += hanging(head, expected, width)
        found += hanging("  ", Content.styled(one_line(claim.says, 300), QUIET), width)
    return rows(found)


def _expected(claim: ClaimResult) -> str:
    expected = one_line(claim.expected, 80)
    if " within " in expected:  # more digits than the tolerance has say nothing
        expected = _LONG.sub(lambda found: f"{float(found[0]):.7g}", expected).replace(" within ", " ± ")
    return f"expected {expected.removeprefix('= ')}" if expected.startswith("= ") else f"expected {expected}"


def title(claims: Sequence[ClaimResult]) -> Content:
    """The section's title: how many held, if there are any."""
    return Content(f"Claims  {counts(claims)}" if claims else "Claims")


def counts(claims: Sequence[ClaimResult]) -> str:
    """How many held, of how many that count."""
    counted = [claim for claim in claims if claim.outcome != "skipped"]
    held = sum(claim.outcome == "held" for claim in counted)
    return f"{held} of {len(counted)} held"


def waiting(scenario: Scenario, environment: str) -> list[ClaimResult]:
    """Claims before anything was measured."""
    from repro.runs.records import NOTHING_MEASURED
    from repro.runs.verdict import decide_all

    return decide_all(scenario, NOTHING_MEASURED, environment)
