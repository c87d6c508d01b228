"""A scenario as an entry of the library's list and as the story beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from repro.base.text import one_line
from repro.runs.summary import RunSummary
from tui.text import BAD, QUIET, duration, hanging, prose, when, word
from tui.viewmodels.scenarios import Entry, Fault, marked, yaml

if TYPE_CHECKING:
    from repro.scenario.load import Loaded

HEADING = "bold $text-accent"
EXPECTED_CELLS = 9


def latest_runs(
    runs: Iterable[RunSummary], scenario: str, environments: Sequence[str], *, with_claims: bool = False
) -> dict[str, RunSummary]:
    """Return the last run of a scenario in each environment that has a verdict, else the last one.

    `with_claims`: only runs that decided the claims. `runs`: newest first.
    """
    latest: dict[str, RunSummary] = {}
    for summary in runs:
        if summary.scenario != scenario or (with_claims and not summary.claims):
            continue
        known = latest.get(summary.environment)
        if known is None or (not known.verdict and known.state != "running" and summary.verdict):
            latest[summary.environment] = summary
    return {name: latest[name] for name in environments if name in latest}


def list_entry(
    entry: Entry,
    fault: Fault | None,
    latest: Mapping[str, RunSummary],
    expected: str,
    width: int,
    *,
    is_picked: bool,
    is_store_read: bool,
) -> Content:
    """Return one line of `width` cells: name, the last verdict in each environment, the expected time."""
    mark = "◆ " if is_picked else "  "
    has_room = len(mark) + len(entry.name) + EXPECTED_CELLS + 4 <= width
    end = Content.styled(f"{expected:>{EXPECTED_CELLS if has_room else len(expected)}}", QUIET)
    name = one_line(entry.name, max(8, width - len(mark) - end.cell_length - 4))
    begin = Content.assemble((mark, "$text-accent" if is_picked else ""), (name, "bold"))
    room = width - begin.cell_length - end.cell_length - 3
    if fault is not None:
        middle = Content.styled("✗ faulty file" if room >= 13 else "✗", BAD)
    elif not latest and is_store_read and room >= 11:
        middle = Content.styled("not run yet", QUIET)
    else:
        middle = verdicts(latest, room)
    gap = width - begin.cell_length - middle.cell_length - end.cell_length - 3
    return Content.assemble(begin, " " * max(1, gap), " ", middle, " ", end)


def verdicts(latest: Mapping[str, RunSummary], room: int) -> Content:
    """Return a sign for the last run in each environment, with the environments' names if there is room."""
    outcomes = [(environment, word(summary.outcome)) for environment, summary in latest.items()]
    full = Content("  ").join(
        Content.assemble((outcome.sign, outcome.style), f" {environment}") for environment, outcome in outcomes
    )
    if full.cell_length <= room:
        return full
    return Content.assemble(*((outcome.sign, outcome.style) for _, outcome in outcomes[: max(1, room)]))


def fault_lines(fault: Fault, width: int, *, has_old_content: bool) -> list[Content]:
    """Why a file cannot be read, with the lines around the place."""
    lines = hanging(Content.styled("✗ ", BAD), Content.styled(fault.text, BAD), width)
    if has_old_content:
        lines.append(Content.styled("Below stands what the file said before; a run would read it as it is now.", QUIET))
    return [*lines, Content(""), marked(fault), Content("")]


def story(
    entry: Entry, loaded: Loaded | None, latest: Mapping[str, RunSummary], decided: Mapping[str, RunSummary], width: int
) -> list[Content]:
    """What a scenario is about, its claims, its last runs and its file.

    `latest`, `decided`: the last run in each environment, and the last one that decided the claims.
    """
    lines = [Content.styled(one_line(entry.title, 300), "bold"), Content("")] if entry.title else []
    if loaded is None:
        return lines
    scenario = loaded.scenario
    lines.append(prose(one_line(" ".join(scenario.about.split()), 20_000)))
    if scenario.source:
        source = Content.styled(one_line(scenario.source, 300), QUIET)
        lines += [Content(""), *hanging(Content.styled("Source  ", QUIET), source, width)]
    lines += [Content(""), Content.styled("Claims", HEADING), *_claims(loaded, decided, width)]
    if latest:
        lines += [Content(""), Content.styled("Last runs", HEADING)]
        lines += [_last_run(environment, summary) for environment, summary in latest.items()]
    name = entry.key if "/" in entry.key else loaded.file.name
    return [*lines, Content(""), Content.styled(one_line(name, 100), HEADING), yaml(loaded.text)]


def _last_run(environment: str, summary: RunSummary) -> Content:
    return Content.assemble(
        word(summary.outcome).content(18),
        f"{environment:<14}",
        (f"{when(summary.started):<13}{duration(summary.seconds)}", QUIET),
    )


def _claims(loaded: Loaded, decided: Mapping[str, RunSummary], width: int) -> list[Content]:
    """Each claim with a sign for each environment in which its last run decided it."""
    outcomes: dict[str, list[str]] = {}
    for summary in decided.values():
        for result in summary.claims:
            outcomes.setdefault(result.id, []).append(result.outcome)
    lines: list[Content] = []
    name_width = max([len(claim.id) for claim in loaded.scenario.claims] or [0])
    signs_width = max(1, len(decided))
    for claim in loaded.scenario.claims:
        claim_outcomes = outcomes.get(claim.id, [])
        signs = "".join(word(outcome).sign for outcome in claim_outcomes) or "·"
        style = BAD if "failed" in claim_outcomes else "$text-success" if "held" in claim_outcomes else QUIET
        only = f" (only {', '.join(claim.only)})" if claim.only else ""
        head = Content.assemble((f"{signs:<{signs_width}} ", style), (f"{claim.id:<{name_width}}  ", "bold"))
        lines += hanging(head, Content.assemble(one_line(claim.says, 300), (one_line(only, 200), QUIET)), width)
    if decided:
        order = "from left to right: " if len(decided) > 1 else "as the last run found them in "
        lines.append(Content.styled(f"Signs {order}{', '.join(decided)}", QUIET))
    return lines
