"""A diagnosis as lines of a screen: the cause in words, its figures, and what was tried beside them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from textual.content import Content

from repro.base.text import one_line, rounded
from repro.explain.causes.finding import Finding, TrialRow
from tui.text import BAD, GOOD, ODD, QUIET, rows

MOST_FIGURES = 4
MOST_TRIALS = 4
LEAST_WIDTH_OF_TWO = 100
_STYLES = {"no-discrepancy": GOOD, "cannot-be-told": ODD}
_SETS = ("inference", "training_phase", "shuffled_batches", "validation", "there")
# Said by the sentence itself.
_LEFT_OUT = ("confidence", "where", "samples", *(f"{name}_{kind}" for name in _SETS for kind in ("accuracy", "loss")))


def lines(findings: Sequence[Finding], width: int) -> Content:
    """Return the first finding, and what others there are; empty without findings."""
    return rows([headline(findings), details(findings, width)]) if findings else Content("")


def headline(findings: Sequence[Finding]) -> Content:
    """Return the first finding in one sentence, and the causes of the others; empty without findings."""
    if not findings:
        return Content("")
    first = findings[0]
    style = _STYLES.get(first.cause, BAD)
    others = ", ".join(finding.cause for finding in findings[1:])
    parts: list[tuple[str, str]] = [(one_line(first.headline, 600), f"bold {style}")]
    if others:
        parts.append((f"  also: {one_line(others, 100)}", QUIET))
    return Content.assemble(*parts)


def details(findings: Sequence[Finding], width: int) -> Content:
    """Return the figures of the first finding, what was tried, and the remedy; empty without findings."""
    if not findings:
        return Content("")
    first = findings[0]
    shown = []
    figures, trials = _figures(first), [_trial(trial) for trial in first.trials[:MOST_TRIALS]]
    if width >= LEAST_WIDTH_OF_TWO and trials:
        column = (width - 4) // 2 - 2
        for figure, trial in zip_longest(figures, trials, fillvalue=Content("")):
            shown.append(Content.assemble(figure.pad_right(max(0, column - figure.cell_length)), "  ", trial))
    else:
        shown += [Content.styled("  ·  ", QUIET).join(figures), *trials]
    shown.append(Content.assemble(("→ ", QUIET), one_line(first.remedy, 400)))
    return rows(shown)


def _figures(finding: Finding) -> list[Content]:
    """What the sentence does not say: how sure it is, and the first of its own figures."""
    figures = [Content.styled(one_line(finding.numbers.get("confidence") or "", 60), QUIET)]
    for name, value in finding.numbers.items():
        if value is not None and name not in _LEFT_OUT and len(figures) < MOST_FIGURES:
            text = rounded(value) if isinstance(value, float) else one_line(value, 40)
            figures.append(Content.assemble((f"{name.replace('_', ' ')} ", QUIET), text))
    return figures


def _trial(trial: TrialRow) -> Content:
    """What was tried, and what it gave."""
    sign, style = ("✓", GOOD) if trial.works else ("✗", QUIET)
    gave = f"loss {rounded(trial.loss)} (before: {rounded(trial.loss_before)})"
    if trial.right is not None:
        gave = f"{trial.right} of {trial.of} right (before: {trial.before})"
    return Content.styled(f"{sign} tried: {one_line(trial.says, 60)}: {gave}", style)
