"""unseen-classes: validation, or a later call, has classes that training never saw."""

from __future__ import annotations

from repro.base.text import percent
from repro.explain.causes.evidence import Evidence, Other
from repro.explain.causes.finding import PROVED, Finding
from repro.explain.causes.others import compared, numbers_of
from repro.explain.criteria import GAP
from repro.runs.verdict import ROUND_OFF


def find(evidence: Evidence, other: Other) -> Finding | None:
    """Return the finding if a tenth of the other samples is of classes that training never saw."""
    seen, there = evidence.inputs.classes, other.inputs.classes
    if not seen or not there or not evidence.inputs.is_complete:
        return None
    unseen = {name: count for name, count in there.items() if count and not seen.get(name)}
    share = sum(unseen.values()) / max(1, sum(there.values()))
    if not unseen or share < GAP - ROUND_OFF:
        return None
    names = ", ".join(list(unseen)[:6])
    says = (
        f"{other.what} has classes that fit never saw ({names}; {percent(share)} of its samples): "
        f"{compared(evidence, other)}"
    )
    figures = numbers_of(evidence, other, PROVED, unseen_classes=names, unseen_share=share)
    remedy = "shuffle before the data is split (validation_split takes the last rows), so that both have all classes"
    return Finding("unseen-classes", says, figures, remedy)
